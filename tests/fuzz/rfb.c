/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The beginning of RFB, as a viewer's server and as QEMU's client, and a peer
 * that says anything. Nobody is through without the right answer and, where it
 * is wanted, TLS; no byte behind the beginning is taken; and it does not matter
 * in what pieces it comes. First byte: which.
 */
#include "fuzz.h"

#include "libxl/display/rfb.h"

#define TAKEN_MAX 272           /* 12, 1, 255 kinds of security, 4 */
#define OUT_MAX   128

static const uint8_t challenge[] = "0123456789abcdef";
/* Of who knows "passwort". */
static const uint8_t answer[RFB_CHALLENGE] = {
    0xb7, 0x1e, 0xe4, 0xb1, 0x9e, 0x33, 0xd2, 0x86,
    0xdb, 0xe0, 0x9b, 0xd8, 0x1f, 0x93, 0x95, 0x42,
};

static bool is_client, has_password, has_tls;

/* One that hears all at once, and one that hears single bytes. */
static struct end {
    struct rfb rfb;
    struct qmp_buf out;
    enum rfb_result result;
    bool secured;
    uint8_t taken[TAKEN_MAX];
    size_t n;
} ends[2];

static bool took_last(const struct end *end, const void *bytes, size_t n)
{
    return end->n >= n && !memcmp(end->taken + end->n - n, bytes, n);
}

static void check_done(const struct end *end)
{
    if (is_client) {
        require(took_last(end, "\0\0\0\0", 4));
        require(memchr(end->taken + 13, 1, end->taken[12]));
        return;
    }
    require(end->secured == has_tls);
    require(!has_password || took_last(end, answer, sizeof(answer)));
}

static void check_end(const struct end *end)
{
    require(end->out.len <= OUT_MAX);
    switch (end->result) {
    case RFB_DONE:
        check_done(end);
        break;
    case RFB_TLS:
        require(!is_client && has_tls && !end->secured);
        require(took_last(end, has_password ? "\0\0\1\5" : "\0\0\1\4", 4));
        break;
    case RFB_ANSWERED:
        require(!is_client && has_password && end->secured == has_tls);
        break;
    case RFB_REFUSED:
        require(end->rfb.why && *end->rfb.why);
        break;
    case RFB_GOES_ON:
        require(end->rfb.n < end->rfb.wants);
        require(end->rfb.wants <= RFB_PIECE_MAX);
        break;
    }
}

static void hear(struct end *end, const void *bytes, size_t n)
{
    size_t taken;

    if (end->result != RFB_GOES_ON)
        return;
    end->result = rfb_input(&end->rfb, bytes, n, &taken, &end->out);
    require(taken <= n && taken <= TAKEN_MAX - end->n);
    require(taken == n || end->result != RFB_GOES_ON);
    memcpy(end->taken + end->n, bytes, taken);
    end->n += taken;
    check_end(end);
    if (end->result == RFB_ANSWERED) {
        end->result = rfb_check(&end->rfb, &end->out);
        check_end(end);
    }
}

static void both_hear(const void *bytes, size_t n)
{
    hear(&ends[0], bytes, n);
    for (size_t i = 0; i < n; i++)
        hear(&ends[1], (const char *)bytes + i, 1);
}

static void act(const struct step *step)
{
    switch (step->act % 4) {
    case 0:
        both_hear("RFB 003.008\n", 12);
        break;
    case 1:
        both_hear(answer, sizeof(answer));
        break;
    case 2:
        for (size_t i = 0; i < 2; i++) {
            if (ends[i].result != RFB_TLS)
                continue;
            ends[i].secured = true;
            ends[i].result = rfb_secured(&ends[i].rfb, &ends[i].out);
            check_end(&ends[i]);
        }
        break;
    default:
        both_hear(step->bytes, step->n);
    }
    require(ends[0].result == ends[1].result && ends[0].n == ends[1].n);
    require(ends[0].out.len == ends[1].out.len);
    require(!ends[0].out.len ||
            !memcmp(ends[0].out.data, ends[1].out.data, ends[0].out.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = { .data = data + 1, .size = size ? size - 1 : 0 };
    struct step step;

    if (!size)
        return 0;
    is_client = data[0] & 1;
    has_password = data[0] & 2;
    has_tls = data[0] & 4;
    for (size_t i = 0; i < 2; i++) {
        ends[i] = (struct end){ .result = RFB_GOES_ON };
        qmp_buf_init(&ends[i].out, 4096);
        if (is_client)
            rfb_connect(&ends[i].rfb);
        else
            rfb_serve(&ends[i].rfb, has_password ? "passwort" : NULL, has_tls,
                      challenge, &ends[i].out);
    }
    while (script_next(&script, &step)) {
        act(&step);
        free(step.bytes);
    }
    for (size_t i = 0; i < 2; i++)
        qmp_buf_dispose(&ends[i].out);
    return 0;
}
