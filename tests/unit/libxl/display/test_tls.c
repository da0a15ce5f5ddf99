/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libxl/tls, and the display worker's viewers who come by it: GnuTLS is at
 * both ends. */
#define DISPLAY_TLS_GAP_MS 100
#include "display_fixture.h"
#include "pki.h"

#include <nettle/des.h>
#include <sched.h>
#include <sys/ioctl.h>

/* --- A viewer --------------------------------------------------------- */

struct client {
    int fd;
    gnutls_session_t tls;
    gnutls_certificate_credentials_t x509;
};

/* As far as TLS; the kind that is offered. */
static void vencrypt(struct client *c, const char *kind)
{
    *c = (struct client){ .fd = viewer_dial() };
    HEAR(c->fd, "RFB 003.008\n");
    TELL(c->fd, "RFB 003.008\n");
    HEAR(c->fd, "\1\x13");
    TELL(c->fd, "\x13");
    HEAR(c->fd, "\0\2");
    TELL(c->fd, "\0\2");
    HEAR(c->fd, "\0\1");
    hear(c->fd, kind, 4);
    check(send(c->fd, kind, 4, 0) == 4);
    HEAR(c->fd, "\1");
}
#define X509_NONE "\0\0\1\4"
#define X509_VNC  "\0\0\1\5"

static int client_handshake(struct client *c, const struct pki_pair *own)
{
    int r;

    check(!gnutls_certificate_allocate_credentials(&c->x509));
    check(gnutls_certificate_set_x509_trust(c->x509, &pki.ca.crt, 1) == 1);
    if (own) {
        gnutls_x509_crt_t crt = own->crt;

        check(!gnutls_certificate_set_x509_key(c->x509, &crt, 1, own->key));
    }
    check(!gnutls_init(&c->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK |
                                GNUTLS_NO_SIGNAL |
                                GNUTLS_FORCE_CLIENT_CERT));
    check(!gnutls_set_default_priority(c->tls));
    check(!gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, c->x509));
    gnutls_session_set_verify_cert(c->tls, "localhost", 0);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    gnutls_transport_set_int(c->tls, c->fd);
    while ((r = gnutls_handshake(c->tls)) == GNUTLS_E_AGAIN)
        check(pump(c->fd, LIMIT_MS));
    return r;
}

/* The next bytes; < 0: it has ended. */
static ssize_t client_recv(struct client *c, void *bytes, size_t n)
{
    ssize_t r;

    while ((r = gnutls_record_recv(c->tls, bytes, n)) == GNUTLS_E_AGAIN)
        check(pump(c->fd, LIMIT_MS));
    return r ? r : -1;
}

static void client_hear(struct client *c, const void *bytes, size_t n)
{
    char is[4096];
    size_t got = 0;

    while (got < n) {
        ssize_t r = client_recv(c, is + got, n - got);

        check(r > 0);
        got += (size_t)r;
    }
    check_mem(is, got, bytes, n);
}

static void client_tell(struct client *c, const void *bytes, size_t n)
{
    ssize_t r;

    while ((r = gnutls_record_send(c->tls, bytes, n)) == GNUTLS_E_AGAIN)
        pump(-1, 5);
    check_int(r, n);
}

static void client_end(struct client *c)
{
    gnutls_deinit(c->tls);
    gnutls_certificate_free_credentials(c->x509);
    close(c->fd);
}

static void client_echo(struct client *c)
{
    client_tell(c, "look!", 5);
    client_hear(c, "look!", 5);
}

static void client_looks(struct client *c, const struct pki_pair *own)
{
    vencrypt(c, X509_NONE);
    check_int(client_handshake(c, own), 0);
    client_hear(c, "\0\0\0\0", 4);
    client_echo(c);
}

/* --- Tests ------------------------------------------------------------ */

TEST(viewers_look_by_tls)
{
    struct client c[3];

    pki_begin();
    begin_with("", pki.dir, false);
    for (int i = 0; i < 3; i++)
        client_looks(&c[i], NULL);
    client_end(&c[1]);
    client_echo(&c[0]);
    client_echo(&c[2]);
    check_int(w.counts->viewers, 2);
    check_int(w.counts->looked, 3);
    client_end(&c[0]);
    client_end(&c[2]);
    end();
    pki_end();
}

/* More than fits into a record, a socket or a window, both ways. */
TEST(bytes_by_tls_stay_what_they_are)
{
    static char much[3 << 20], is[sizeof(much)];
    struct client c;
    size_t told = 0, got = 0;

    pki_begin();
    begin_with("", pki.dir, false);
    client_looks(&c, NULL);
    for (size_t i = 0; i < sizeof(much); i++)
        much[i] = (char)(i * 7 + i / 251);
    while (got < sizeof(much)) {
        ssize_t n;

        if (told < sizeof(much)) {
            size_t left = sizeof(much) - told;

            n = gnutls_record_send(c.tls, much + told,
                                   left < 40000 ? left : 40000);
            told += n > 0 ? (size_t)n : 0;
        }
        n = gnutls_record_recv(c.tls, is + got, sizeof(is) - got);
        if (n == GNUTLS_E_AGAIN)
            pump(c.fd, 20);
        else if (n <= 0)
            tap_fail("after %zu of %zu: %s", got, told, gnutls_strerror(
                     (int)n));
        else
            got += (size_t)n;
    }
    check_mem(is, got, much, sizeof(much));
    check(w.counts->from_viewers >= sizeof(much));
    /* It counts what it has sent. */
    while (w.counts->to_viewers < sizeof(much))
        pump(-1, 20);
    client_end(&c);
    end();
    pki_end();
}

TEST(who_does_not_read_costs_the_others_nothing)
{
    static char much[65536];
    struct client stalled, c;

    pki_begin();
    begin_with("", pki.dir, false);
    client_looks(&stalled, NULL);
    client_looks(&c, NULL);
    for (int i = 0; i < 400; i++)
        qemu_say(0, much, sizeof(much));
    for (int i = 0; i < 50; i++)
        client_echo(&c);
    check(w.qemus[0].out.len > 8u << 20);
    client_end(&stalled);
    client_end(&c);
    end();
    pki_end();
}

/* QEMU has answers all the while. unread: bytes that were there before. */
static void check_typed(bool says_goodbye, size_t unread)
{
    static const size_t seen = sizeof("look!") - 1;
    static const size_t begun = sizeof("RFB 003.008\n\1") - 1;
    static char much[40000];
    struct client c;
    size_t told = 0, before;
    ssize_t r;
    int left;

    begin_with("", pki.dir, false);
    client_looks(&c, NULL);
    for (; unread; unread -= sizeof(much))
        qemu_say(0, much, sizeof(much));
    do {
        before = w.qemus[0].out.len;
        pump(-1, 100);
    } while (w.qemus[0].out.len != before);
    while (told < sizeof(much)) {
        r = gnutls_record_send(c.tls, much + told, sizeof(much) - told);
        check(r > 0);
        told += (size_t)r;
    }
    if (says_goodbye)
        check(!gnutls_bye(c.tls, GNUTLS_SHUT_WR));
    /* Once it is the worker's socket's, which has room for it. */
    do {
        check(!ioctl(c.fd, TIOCOUTQ, &left));
        sched_yield();
    } while (left);
    client_end(&c);
    while (w.counts->from_viewers < LINK_WINDOW_OTHER - begun)
        sched_yield();
    while (w.qemus[0].open)
        pump(-1, 5);
    check_int(w.qemus[0].heard, seen + sizeof(much));
    end();
}

TEST(who_types_more_than_its_credit_and_hangs_up_has_typed)
{
    pki_begin();
    check_typed(true, 0);
    check_typed(false, 0);
    check_typed(false, 600 * 40000);
    pki_end();
}

static void answer_challenge(struct client *c, const char *password)
{
    uint8_t key[DES_KEY_SIZE] = { 0 }, bytes[16];
    struct des_ctx des;
    size_t got = 0;

    while (got < sizeof(bytes)) {
        ssize_t n = client_recv(c, bytes + got, sizeof(bytes) - got);

        check(n > 0);
        got += (size_t)n;
    }
    for (size_t i = 0; i < sizeof(key) && password[i]; i++)
        for (int bit = 0; bit < 8; bit++)
            if (password[i] >> bit & 1)
                key[i] |= (uint8_t)(0x80 >> bit);
    (void)des_set_key(&des, key);
    des_encrypt(&des, sizeof(bytes), bytes, bytes);
    client_tell(c, bytes, sizeof(bytes));
}

TEST(the_password_is_asked_for_within_tls)
{
    struct client c;

    pki_begin();
    begin_with("geheim", pki.dir, false);
    vencrypt(&c, X509_VNC);
    check_int(client_handshake(&c, NULL), 0);
    answer_challenge(&c, "geheim");
    client_hear(&c, "\0\0\0\0", 4);
    client_echo(&c);
    client_end(&c);
    vencrypt(&c, X509_VNC);
    check_int(client_handshake(&c, NULL), 0);
    answer_challenge(&c, "geraten");
    client_hear(&c, "\0\0\0\1\0\0\0\x0ewrong password", 22);
    check(client_recv(&c, &(char){ 0 }, 1) < 0);
    client_end(&c);
    check_int(w.opened, 1);
    check_int(w.counts->refused, 1);
    end();
    pki_end();
}

TEST(nobody_looks_without_tls)
{
    static const struct { const char *says; size_t n; } viewers[] = {
        { "RFB 003.003\n", 12 },
        { "RFB 003.007\n\1", 13 },
        { "RFB 003.008\n\1", 13 },
        { "RFB 003.008\n\2", 13 },
        { "RFB 003.008\n\x13\0\1", 15 },
        { "RFB 003.008\n\x13\0\2\0\0\1\5", 19 },       /* not offered */
        { "RFB 003.008\n\x13\0\2\0\0\0\1", 19 },
        { "RFB 003.008\n\x13\0\2\0\0\1\4" "no hello\0\0\0\0\0\0\0\0", 35 },
        { "RFB 003.008\n\x13\0\2\0\0\1\4", 19 },        /* and no more */
    };
    int fd;

    begin_ms = 4000;
    pki_begin();
    begin_with("", pki.dir, false);
    for (size_t i = 0; i < sizeof(viewers) / sizeof(viewers[0]); i++) {
        fd = viewer_dial();
        check(send(fd, viewers[i].says, viewers[i].n, 0) ==
              (ssize_t)viewers[i].n);
        hear_end(fd);
        close(fd);
    }
    check_int(w.opened, 0);
    check_int(w.counts->looked, 0);
    check_int(w.counts->refused, 8);    /* all but the last */
    check_logged("it speaks RFB 3.3, which has no TLS");
    check_logged("it speaks another VeNCrypt");
    check_logged("it does not go on");
    end();
    pki_end();
}

TEST(a_viewer_shows_a_certificate_if_that_is_wanted)
{
    struct client c;
    char byte;

    pki_begin();
    begin_with("", pki.dir, true);
    client_looks(&c, &pki.client);
    client_end(&c);
    /* In TLS 1.3 a client is done before it is looked at. */
    vencrypt(&c, X509_NONE);
    check(client_handshake(&c, NULL) || client_recv(&c, &byte, 1) < 0);
    client_end(&c);
    vencrypt(&c, X509_NONE);
    check(client_handshake(&c, &pki.stranger) ||
          client_recv(&c, &byte, 1) < 0);
    client_end(&c);
    check_int(w.opened, 1);
    check_logged("domain 7: display: refused the viewer at 127.0.0.1:");
    check_logged("TLS: ");
    while (w.counts->refused < 2)
        pump(-1, 20);
    end();
    pki_end();
}

/* However fast they come. */
TEST(handshakes_are_paced)
{
    struct client c[6];
    int64_t begun;

    pki_begin();
    begin_with("", pki.dir, false);
    begun = loop_now_ms();
    for (int i = 0; i < 6; i++)
        vencrypt(&c[i], X509_NONE);
    for (int i = 0; i < 6; i++) {
        check_int(client_handshake(&c[i], NULL), 0);
        client_hear(&c[i], "\0\0\0\0", 4);
    }
    /* They may take what more time they want. */
    check(loop_now_ms() - begun >= 5 * DISPLAY_TLS_GAP_MS);
    for (int i = 0; i < 6; i++)
        client_end(&c[i]);
    end();
    pki_end();
}

/* A warning a turn: others have turns between. In TLS 1.3 there are none. */
TEST(warnings_without_end_hold_nobody_up)
{
    static const char warning[] = { 21, 3, 3, 0, 2, 1, 90 };
    struct tls_credentials *credentials;
    struct tls_session *session;
    struct client c;
    int fds[2], left;
    char why[TLS_WHY_MAX];

    pki_begin();
    credentials = display_tls.load(pki.dir, false, why);
    check(credentials != NULL);
    check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
    session = display_tls.begin(credentials, fds[0]);
    check(session != NULL);
    c.fd = fds[1];
    check(!gnutls_certificate_allocate_credentials(&c.x509));
    check(!gnutls_init(&c.tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK));
    check(!gnutls_priority_set_direct(c.tls, "NORMAL:-VERS-ALL:+VERS-TLS1.2",
                                      NULL));
    check(!gnutls_credentials_set(c.tls, GNUTLS_CRD_CERTIFICATE, c.x509));
    gnutls_transport_set_int(c.tls, c.fd);
    check_int(gnutls_handshake(c.tls), GNUTLS_E_AGAIN);
    check_int(display_tls.handshake(session), EPOLLIN);
    for (int i = 0; i < 100; i++)
        check(write(c.fd, warning, sizeof(warning)) == sizeof(warning));
    for (int i = 1; i < 10; i++) {
        check_int(display_tls.handshake(session), EPOLLIN);
        check(!ioctl(fds[0], FIONREAD, &left));
        check_int(left, (100 - i) * (int)sizeof(warning));
    }
    display_tls.end(session);
    display_tls.unload(credentials);
    client_end(&c);
    close(fds[0]);
    pki_end();
}

/* What the administrator reads. */
static void check_why(const char *ought, bool verify)
{
    char why[TLS_WHY_MAX];

    check(!display_tls.load(pki.dir, verify, why));
    if (!strstr(why, ought))
        tap_fail("\"%s\" lacks \"%s\"", why, ought);
    check(!strchr(why, '\n'));
}

TEST(certificates_that_will_not_do_are_refused_with_the_reason)
{
    const gnutls_datum_t nonsense = { (void *)"nonsense\n", 9 };
    struct tls_credentials *credentials;
    char why[TLS_WHY_MAX];

    pki_begin();
    pki_remove("ca-cert.pem");
    check_why("/ca-cert.pem: No such file", true);
    /* It isn't needed otherwise. */
    credentials = display_tls.load(pki.dir, false, why);
    check(credentials != NULL);
    check_str(why, "");
    display_tls.unload(credentials);
    pki_write(pki.dir, "ca-cert.pem", &nonsense);
    check_why("/ca-cert.pem: ", true);
    pki_write_key(pki.dir, "server-key.pem", pki.client.key);
    check_why("server-cert.pem and server-key.pem: ", false);
    pki_write(pki.dir, "server-key.pem", &nonsense);
    check_why("server-cert.pem and server-key.pem: ", false);
    pki_remove("server-key.pem");
    check_why("/server-key.pem: No such file", false);
    pki_remove("server-cert.pem");
    check_why("/server-cert.pem: No such file", false);
    pki_end();
    check_why("/server-cert.pem: No such file", false);
}

TEST(a_worker_without_its_key_says_so)
{
    char log[512] = "";
    struct display_counts counts = { .viewers = 0 };
    struct display_config config = {
        .child = { .name = "display worker", .parent = getpid(),
                   .root = pki.dir, .guest_domid = 7, .dm_domid = 8,
                   .refused_fd = -1 },
        .console = "/console-8", .counts = &counts,
    };
    int ends[2], status;
    pid_t worker;

    pki_begin();
    pki_write_key(pki.dir, "server-key.pem", pki.client.key);
    strcpy(config.tls_dir, pki.dir);
    check(!pipe(ends));
    fflush(stdout);
    worker = fork();
    if (!worker) {
        dup2(ends[1], STDERR_FILENO);
        log_open("test", LOG_TO_STDERR, LOG_LEVEL_INFO);
        _exit(display_run(&config));
    }
    close(ends[1]);
    check(waitpid(worker, &status, 0) == worker);
    check(WIFEXITED(status));
    check_int(WEXITSTATUS(status), 1);
    check(read(ends[0], log, sizeof(log) - 1) >= 0);
    check(strstr(log, "server-key.pem: "));
    close(ends[0]);
    pki_end();
}

TEST(an_expired_certificate_is_told_of)
{
    struct tls_credentials *credentials;
    struct pki_pair old;
    char why[TLS_WHY_MAX];

    pki_begin();
    old = pki_pair("localhost", &pki.ca, 86400 * 3);
    pki_write_crt(pki.dir, "server-cert.pem", old.crt);
    pki_write_key(pki.dir, "server-key.pem", old.key);
    credentials = display_tls.load(pki.dir, false, why);
    check(credentials != NULL);
    check(strstr(why, "server-cert.pem has expired (1970-01-04)"));
    display_tls.unload(credentials);
    pki_end();
}

TAP_MAIN()
