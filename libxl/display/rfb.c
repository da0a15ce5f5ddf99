/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rfb.h"

#include <stdlib.h>
#include <string.h>

#define VERSION   "RFB 003.008\n"
#define VERSION_N (sizeof(VERSION) - 1)

enum { SECURITY_NONE = 1, SECURITY_VNC = 2, SECURITY_VENCRYPT = 19 };
enum { VENCRYPT_X509_NONE = 260, VENCRYPT_X509_VNC = 261 };

typedef enum rfb_result rfb_step(struct rfb *rfb, const uint8_t *piece,
                                 struct qmp_buf *out);

/* The buffer is the caller's, and has room for the whole beginning. */
static void put(struct qmp_buf *out, const void *bytes, size_t n)
{
    if (qmp_buf_append(out, bytes, n))
        abort();
}

static void put_number(struct qmp_buf *out, uint32_t number)
{
    const uint8_t bytes[] = {
        (uint8_t)(number >> 24), (uint8_t)(number >> 16),
        (uint8_t)(number >> 8), (uint8_t)number,
    };

    put(out, bytes, sizeof(bytes));
}

static uint32_t number_of(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
           (uint32_t)p[2] << 8 | p[3];
}

static enum rfb_result next(struct rfb *rfb, rfb_step *step, size_t wants)
{
    rfb->step = step;
    rfb->wants = wants;
    return RFB_GOES_ON;
}

static enum rfb_result refuse(struct rfb *rfb, const char *why)
{
    rfb->why = why;
    return RFB_REFUSED;
}

/* "RFB 003.00x\n". Later minors are 8, what is not known is 3, as the RFC
 * has it. 0: it is none. */
static int minor_of(const uint8_t *version)
{
    static const char like[] = "RFB ddd.ddd\n";
    unsigned int numbers[2] = { 0 }, which = 0;

    for (size_t i = 0; i < VERSION_N; i++) {
        bool digit = version[i] >= '0' && version[i] <= '9';

        if (like[i] == 'd' ? !digit : version[i] != like[i])
            return 0;
        which = like[i] == '.' ? 1 : which;
        if (digit)
            numbers[which] = 10 * numbers[which] + version[i] - '0';
    }
    if (numbers[0] < 3)
        return 0;
    if (numbers[0] > 3 || numbers[1] >= 8)
        return 8;
    return numbers[1] == 7 ? 7 : 3;
}

/* --- The viewer's ----------------------------------------------------- */

/* SecurityResult, which before 3.8 stays out if there was no security at
 * all, and has no reason. */
static enum rfb_result accept_viewer(struct rfb *rfb, struct qmp_buf *out)
{
    if (rfb->password || rfb->tls || rfb->minor == 8)
        put_number(out, 0);
    return RFB_DONE;
}

static void put_text(struct qmp_buf *out, const char *text)
{
    put_number(out, (uint32_t)strlen(text));
    put(out, text, strlen(text));
}

static enum rfb_result refuse_viewer(struct rfb *rfb, const char *why,
                                     struct qmp_buf *out)
{
    put_number(out, 1);
    if (rfb->minor == 8)
        put_text(out, why);
    return refuse(rfb, why);
}

static enum rfb_result answered(struct rfb *rfb, const uint8_t *piece,
                                struct qmp_buf *out)
{
    (void)rfb, (void)piece, (void)out;
    return RFB_ANSWERED;
}

enum rfb_result rfb_check(struct rfb *rfb, struct qmp_buf *out)
{
    return vncauth_is_right(rfb->password, rfb->challenge, rfb->piece) ?
           accept_viewer(rfb, out) :
           refuse_viewer(rfb, "wrong password", out);
}

static enum rfb_result authenticate(struct rfb *rfb, struct qmp_buf *out)
{
    if (!rfb->password)
        return accept_viewer(rfb, out);
    put(out, rfb->challenge, sizeof(rfb->challenge));
    return next(rfb, answered, RFB_CHALLENGE);
}

/* --- Its VeNCrypt ----------------------------------------------------- */

static uint32_t vencrypt_of(const struct rfb *rfb)
{
    return rfb->password ? VENCRYPT_X509_VNC : VENCRYPT_X509_NONE;
}

/* Which knows a byte of answer, but no reason. */
static enum rfb_result refuse_vencrypt(struct rfb *rfb, uint8_t answer,
                                       struct qmp_buf *out)
{
    put(out, &answer, 1);
    return refuse(rfb, "it speaks another VeNCrypt than 0.2 with X.509");
}

static enum rfb_result vencrypt_chosen(struct rfb *rfb, const uint8_t *piece,
                                       struct qmp_buf *out)
{
    static const uint8_t yes = 1;

    if (number_of(piece) != vencrypt_of(rfb))
        return refuse_vencrypt(rfb, 0, out);
    put(out, &yes, 1);
    return RFB_TLS;
}

static enum rfb_result vencrypt_versioned(struct rfb *rfb,
                                          const uint8_t *piece,
                                          struct qmp_buf *out)
{
    static const uint8_t yes_and_one[] = { 0, 1 };

    if (piece[0] != 0 || piece[1] != 2)
        return refuse_vencrypt(rfb, 0xff, out);
    put(out, yes_and_one, sizeof(yes_and_one));
    put_number(out, vencrypt_of(rfb));
    return next(rfb, vencrypt_chosen, 4);
}

static enum rfb_result vencrypt_begin(struct rfb *rfb, struct qmp_buf *out)
{
    static const uint8_t version[] = { 0, 2 };

    put(out, version, sizeof(version));
    return next(rfb, vencrypt_versioned, sizeof(version));
}

enum rfb_result rfb_secured(struct rfb *rfb, struct qmp_buf *out)
{
    return authenticate(rfb, out);
}

/* --- What it is offered ----------------------------------------------- */

static uint8_t security_of(const struct rfb *rfb)
{
    return rfb->tls ? SECURITY_VENCRYPT :
           rfb->password ? SECURITY_VNC : SECURITY_NONE;
}

static enum rfb_result chosen(struct rfb *rfb, const uint8_t *piece,
                              struct qmp_buf *out)
{
    if (*piece != security_of(rfb))
        return refuse_viewer(rfb, "it chose a kind of security that it was "
                             "not offered", out);
    return rfb->tls ? vencrypt_begin(rfb, out) : authenticate(rfb, out);
}

static enum rfb_result versioned(struct rfb *rfb, const uint8_t *piece,
                                 struct qmp_buf *out)
{
    const uint8_t kinds[] = { 1, security_of(rfb) };

    rfb->minor = minor_of(piece);
    if (!rfb->minor)
        return refuse(rfb, "it does not speak RFB");
    if (rfb->minor == 3 && rfb->tls) {
        const char *why = "it speaks RFB 3.3, which has no TLS";

        put_number(out, 0);
        put_text(out, why);
        return refuse(rfb, why);
    }
    if (rfb->minor == 3) {
        put_number(out, security_of(rfb));
        return authenticate(rfb, out);
    }
    put(out, kinds, sizeof(kinds));
    return next(rfb, chosen, 1);
}

void rfb_serve(struct rfb *rfb, const char *password, bool tls,
               const uint8_t challenge[RFB_CHALLENGE], struct qmp_buf *out)
{
    *rfb = (struct rfb){ .password = password, .tls = tls };
    memcpy(rfb->challenge, challenge, RFB_CHALLENGE);
    put(out, VERSION, VERSION_N);
    next(rfb, versioned, VERSION_N);
}

/* --- QEMU's ----------------------------------------------------------- */

static enum rfb_result resulted(struct rfb *rfb, const uint8_t *piece,
                                struct qmp_buf *out)
{
    (void)out;
    return number_of(piece) ? refuse(rfb, "QEMU refuses it") : RFB_DONE;
}

static enum rfb_result offered(struct rfb *rfb, const uint8_t *piece,
                               struct qmp_buf *out)
{
    static const uint8_t none = SECURITY_NONE;

    if (!memchr(piece, SECURITY_NONE, rfb->wants))
        return refuse(rfb, "QEMU wants a password");
    put(out, &none, 1);
    return next(rfb, resulted, 4);
}

static enum rfb_result counted(struct rfb *rfb, const uint8_t *piece,
                               struct qmp_buf *out)
{
    (void)out;
    return *piece ? next(rfb, offered, *piece) :
           refuse(rfb, "QEMU refuses it");
}

static enum rfb_result greeted(struct rfb *rfb, const uint8_t *piece,
                               struct qmp_buf *out)
{
    if (minor_of(piece) != 8)
        return refuse(rfb, "QEMU does not speak RFB 3.8");
    put(out, VERSION, VERSION_N);
    return next(rfb, counted, 1);
}

void rfb_connect(struct rfb *rfb)
{
    *rfb = (struct rfb){ .why = NULL };
    next(rfb, greeted, VERSION_N);
}

enum rfb_result rfb_input(struct rfb *rfb, const void *bytes, size_t n,
                          size_t *taken_r, struct qmp_buf *out)
{
    enum rfb_result r = RFB_GOES_ON;
    const char *from = bytes;

    *taken_r = 0;
    while (r == RFB_GOES_ON && *taken_r < n) {
        size_t part = rfb->wants - rfb->n, left = n - *taken_r;

        if (part > left)
            part = left;
        memcpy(rfb->piece + rfb->n, from + *taken_r, part);
        rfb->n += part;
        *taken_r += part;
        if (rfb->n < rfb->wants)
            break;
        rfb->n = 0;
        r = rfb->step(rfb, rfb->piece, out);
    }
    return r;
}
