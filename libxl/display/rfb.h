/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The beginning of an RFB connection (RFC 6143, 7.1), twice: as the server
 * that a viewer speaks to, who has to show the password here, and as the
 * client of the QEMU in the stubdomain, which knows of none. What follows,
 * from ClientInit on, is theirs. TLS comes in by VeNCrypt 0.2 (the RFB
 * protocol as the community keeps it, github.com/rfbproto/rfbproto, 7.2.6),
 * with the kinds that say X.509.
 *
 * State machines without input or output: bytes go in, an answer is appended
 * to out. They take no byte that comes behind the beginning.
 */
#ifndef XENQMP_LIBXL_DISPLAY_RFB_H
#define XENQMP_LIBXL_DISPLAY_RFB_H

#include <stdbool.h>

#include "libxl/qmp/buf.h"
#include "vncauth.h"

#define RFB_CHALLENGE    VNCAUTH_BYTES
/* The longest piece that is waited for. */
#define RFB_PIECE_MAX    256

enum rfb_result {
    RFB_GOES_ON,
    RFB_DONE,                   /* the other side may speak of pictures */
    RFB_TLS,                    /* send out, then rfb_secured() after TLS's
                                 * handshake; nothing else comes in before */
    RFB_ANSWERED,               /* to the challenge: rfb_check() is next */
    RFB_REFUSED,                /* send out, then hang up; `why` */
};

struct rfb {
    /* readable */
    const char *why;
    /* private */
    enum rfb_result (*step)(struct rfb *rfb, const uint8_t *piece,
                            struct qmp_buf *out);
    size_t wants;               /* bytes of the next piece */
    uint8_t piece[RFB_PIECE_MAX];
    size_t n;
    int minor;                  /* of the viewer's version: 3, 7 or 8 */
    const char *password;       /* NULL: none is asked for */
    bool tls;                   /* nobody goes on without */
    uint8_t challenge[RFB_CHALLENGE];
};

/* Appends the server's greeting. password: not copied. challenge: random. */
void rfb_serve(struct rfb *rfb, const char *password, bool tls,
               const uint8_t challenge[RFB_CHALLENGE], struct qmp_buf *out);
/* It goes on within TLS. */
enum rfb_result rfb_secured(struct rfb *rfb, struct qmp_buf *out);
/* Whether the answer is right: as many checks, as many guesses. */
enum rfb_result rfb_check(struct rfb *rfb, struct qmp_buf *out);
/* Waits for QEMU's. */
void rfb_connect(struct rfb *rfb);
/* Takes bytes, *taken_r of them: all while it goes on. */
enum rfb_result rfb_input(struct rfb *rfb, const void *bytes, size_t n,
                          size_t *taken_r, struct qmp_buf *out);

#endif
