/* SPDX-License-Identifier: GPL-2.0-or-later */
/* display/rfb.c, display/vncauth.c */
#include "libxl/display/rfb.h"

#include "tap.h"

static struct qmp_buf out;
static struct rfb rfb;
/* With it and "passwort" VncAuth's answer is the one below, as OpenSSL's DES
 * has it with the key's bits mirrored. */
static const uint8_t challenge[] = "0123456789abcdef";
static const uint8_t answer[] = {
    0xb7, 0x1e, 0xe4, 0xb1, 0x9e, 0x33, 0xd2, 0x86,
    0xdb, 0xe0, 0x9b, 0xd8, 0x1f, 0x93, 0x95, 0x42,
};

static void serve(const char *password)
{
    qmp_buf_init(&out, 4096);
    rfb_serve(&rfb, password, false, challenge, &out);
}

/* All of it is taken, in single bytes; the last one's result. */
static enum rfb_result say(const void *bytes, size_t n)
{
    enum rfb_result r = RFB_GOES_ON;
    size_t taken;

    for (size_t i = 0; i < n; i++) {
        check_int(r, RFB_GOES_ON);
        r = rfb_input(&rfb, (const char *)bytes + i, 1, &taken, &out);
        check_int(taken, 1);
    }
    return r;
}

static void hears(const char *bytes, size_t n)
{
    check_mem(out.data, out.len, bytes, n);
    qmp_buf_consume(&out, n);
}
#define HEARS(literal) hears(literal, sizeof(literal) - 1)
#define SAY(literal)   say(literal, sizeof(literal) - 1)

static enum rfb_result give_answer(void)
{
    check_int(say(answer, sizeof(answer)), RFB_ANSWERED);
    check_int(out.len, 0);
    return rfb_check(&rfb, &out);
}

TEST(viewers_of_each_version_without_a_password)
{
    static const struct {
        const char *version, *hear;
        size_t n;
        bool chooses;
        const char *result;
        size_t result_n;
    } viewers[] = {
        { "RFB 003.003\n", "\0\0\0\1", 4, false, "", 0 },
        { "RFB 003.005\n", "\0\0\0\1", 4, false, "", 0 },
        { "RFB 003.007\n", "\1\1", 2, true, "", 0 },
        { "RFB 003.008\n", "\1\1", 2, true, "\0\0\0\0", 4 },
        { "RFB 003.889\n", "\1\1", 2, true, "\0\0\0\0", 4 },
        { "RFB 004.001\n", "\1\1", 2, true, "\0\0\0\0", 4 },
    };

    for (size_t i = 0; i < sizeof(viewers) / sizeof(viewers[0]); i++) {
        serve(NULL);
        HEARS("RFB 003.008\n");
        check_int(say(viewers[i].version, 12),
                  viewers[i].chooses ? RFB_GOES_ON : RFB_DONE);
        hears(viewers[i].hear, viewers[i].n);
        if (viewers[i].chooses)
            check_int(SAY("\1"), RFB_DONE);
        hears(viewers[i].result, viewers[i].result_n);
    }
}

TEST(who_knows_the_password_may_look)
{
    static const char *const versions[] = { "RFB 003.007\n", "RFB 003.008\n" };

    for (size_t i = 0; i < 2; i++) {
        serve("passwort");
        qmp_buf_consume(&out, out.len);
        check_int(say(versions[i], 12), RFB_GOES_ON);
        HEARS("\1\2");
        check_int(SAY("\2"), RFB_GOES_ON);
        hears((const char *)challenge, 16);
        check_int(give_answer(), RFB_DONE);
        HEARS("\0\0\0\0");
    }
    serve("passwort");
    qmp_buf_consume(&out, out.len);
    check_int(SAY("RFB 003.003\n"), RFB_GOES_ON);
    HEARS("\0\0\0\2" "0123456789abcdef");
    check_int(give_answer(), RFB_DONE);
    HEARS("\0\0\0\0");
}

TEST(who_does_not_is_refused)
{
    static const char *const passwords[] = { "Passwort", "passwor", "x" };

    for (size_t i = 0; i < 3; i++) {
        serve(passwords[i]);
        SAY("RFB 003.008\n\2");
        qmp_buf_consume(&out, out.len);
        check_int(give_answer(), RFB_REFUSED);
        HEARS("\0\0\0\1\0\0\0\x0ewrong password");
        check_str(rfb.why, "wrong password");
    }
    serve("x");
    SAY("RFB 003.007\n\2");
    qmp_buf_consume(&out, out.len);
    check_int(give_answer(), RFB_REFUSED);
    HEARS("\0\0\0\1");
}

/* It would be let in without a word of it. */
TEST(nobody_chooses_what_was_not_offered)
{
    for (int kind = 0; kind < 256; kind++) {
        const char byte = (char)kind;

        serve("passwort");
        SAY("RFB 003.008\n");
        check_int(say(&byte, 1), kind == 2 ? RFB_GOES_ON : RFB_REFUSED);
        serve(NULL);
        SAY("RFB 003.008\n");
        check_int(say(&byte, 1), kind == 1 ? RFB_DONE : RFB_REFUSED);
    }
}

static void serve_tls(const char *password, const char *version)
{
    qmp_buf_init(&out, 4096);
    rfb_serve(&rfb, password, true, challenge, &out);
    qmp_buf_consume(&out, out.len);
    say(version, 12);
}

TEST(with_tls_nothing_else_is_offered)
{
    static const char *const versions[] = { "RFB 003.007\n", "RFB 003.008\n" };

    for (int i = 0; i < 4; i++) {
        serve_tls(i & 2 ? "passwort" : NULL, versions[i & 1]);
        HEARS("\1\x13");
        check_int(SAY("\x13"), RFB_GOES_ON);
        HEARS("\0\2");
        check_int(SAY("\0\2"), RFB_GOES_ON);
        hears(i & 2 ? "\0\1\0\0\1\5" : "\0\1\0\0\1\4", 6);
        check_int(say(i & 2 ? "\0\0\1\5" : "\0\0\1\4", 4), RFB_TLS);
        HEARS("\1");
        /* Its result is said in each version. */
        if (i & 2) {
            check_int(rfb_secured(&rfb, &out), RFB_GOES_ON);
            hears((const char *)challenge, 16);
            check_int(give_answer(), RFB_DONE);
        } else {
            check_int(rfb_secured(&rfb, &out), RFB_DONE);
        }
        HEARS("\0\0\0\0");
    }
}

TEST(without_tls_nobody_goes_on_where_it_is_wanted)
{
    for (int kind = 0; kind < 256; kind++) {
        const char byte = (char)kind;

        serve_tls(NULL, "RFB 003.008\n");
        check_int(say(&byte, 1), kind == 19 ? RFB_GOES_ON : RFB_REFUSED);
    }
    for (unsigned int version = 0; version < 1024; version++) {
        const char bytes[] = { (char)(version >> 8), (char)version };

        serve_tls(NULL, "RFB 003.008\n");
        SAY("\x13");
        check_int(say(bytes, 2), version == 2 ? RFB_GOES_ON : RFB_REFUSED);
    }
    for (unsigned int kind = 0; kind < 512; kind++) {
        const char bytes[] = { 0, 0, (char)(kind >> 8), (char)kind };

        serve_tls("passwort", "RFB 003.008\n");
        SAY("\x13\0\2");
        qmp_buf_consume(&out, out.len);
        check_int(say(bytes, 4), kind == 261 ? RFB_TLS : RFB_REFUSED);
        check_int(out.data[0], kind == 261);
    }
    qmp_buf_init(&out, 4096);
    rfb_serve(&rfb, NULL, true, challenge, &out);
    qmp_buf_consume(&out, out.len);
    check_int(SAY("RFB 003.003\n"), RFB_REFUSED);
    check_mem(out.data, 8, "\0\0\0\0\0\0\0\x23", 8);
}

TEST(what_is_no_rfb_is_refused_at_its_twelfth_byte)
{
    static const char *const texts[] = {
        "GET / HTTP/1", "RFB 003.008 ", "RFB 002.008\n", "RFB 3.008   ",
        "RFB  03.008\n" "", "\0\0\0\0\0\0\0\0\0\0\0\0",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        serve("passwort");
        qmp_buf_consume(&out, out.len);
        if (say(texts[i], 12) != RFB_REFUSED)
            tap_fail("%s", texts[i]);
        check_int(out.len, 0);
    }
}

TEST(what_comes_behind_the_beginning_is_left)
{
    size_t taken;

    serve(NULL);
    check_int(rfb_input(&rfb, "RFB 003.003\n\1", 13, &taken, &out), RFB_DONE);
    check_int(taken, 12);
    qmp_buf_init(&out, 4096);
    rfb_connect(&rfb);
    check_int(rfb_input(&rfb, "RFB 003.008\n\1\1\0\0\0\0\2\xd0", 20, &taken,
                        &out), RFB_DONE);
    check_int(taken, 18);
    HEARS("RFB 003.008\n\1");
}

TEST(a_qemu_that_is_none_is_refused)
{
    static const struct { const char *bytes; size_t n; } qemus[] = {
        { "RFB 003.003\n", 12 },
        { "RFB 003.008\n\0", 13 },
        { "RFB 003.008\n\1\2", 14 },
        { "RFB 003.008\n\2\1\2\0\0\0\1", 19 },
    };
    static char many[13 + 255];

    for (size_t i = 0; i < sizeof(qemus) / sizeof(qemus[0]); i++) {
        qmp_buf_init(&out, 4096);
        rfb_connect(&rfb);
        check_int(say(qemus[i].bytes, qemus[i].n), RFB_REFUSED);
        check(*rfb.why);
    }
    memset(many, '\xff', sizeof(many));
    memcpy(many, "RFB 003.008\n", 12);
    rfb_connect(&rfb);
    check_int(say(many, sizeof(many)), RFB_REFUSED);
}

TAP_MAIN()
