/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Viewers: from accept() on, by the beginning of RFB (rfb.h), to a channel of
 * the link and the beginning with QEMU behind it; then bytes are passed in
 * both directions, as far as the channel's credit and the viewer go.
 */
#ifndef XENQMP_LIBXL_DISPLAY_VIEWERS_H
#define XENQMP_LIBXL_DISPLAY_VIEWERS_H

#include "libxl/child/counts.h"
#include "libxl/link/link.h"
#include "tools/common/loop.h"
#include "limits.h"
#include "rfb.h"
#include "tls.h"

struct viewer {
    /* private */
    struct viewers *viewers;
    enum viewer_state {
        VIEWER_NONE,            /* a free place */
        VIEWER_BEGINNING,       /* speaks with us */
        VIEWER_SECURING,        /* shakes hands for TLS */
        VIEWER_ANSWERED,        /* has its password checked, but not yet */
        VIEWER_WRONG,           /* is refused, but not yet */
        VIEWER_WAITING,         /* for a session of the link */
        VIEWER_CONNECTING,      /* we speak with QEMU */
        VIEWER_LOOKING,         /* speaks with QEMU */
    } state;
    int fd;
    loop_id id;
    char from[64];              /* its address, for log lines */
    uint64_t peer;
    struct rfb rfb;
    struct tls_session *tls;    /* NULL: none, or not yet */
    struct loop_timer more;     /* TLS has bytes that no event tells of */
    struct qmp_buf out;
    unsigned int channel;       /* from CONNECTING on */
    struct loop_timer limit;    /* LOOKING: set once it has hung up */
    uint64_t number;            /* the order in which they came */
};

struct viewers {
    /* the caller sets */
    struct loop *loop;
    struct link *link;
    uint32_t guest_domid;
    const char *password;       /* NULL: none */
    const struct display_tls *tls;      /* NULL: there is none */
    struct tls_credentials *credentials;
    struct display_counts *counts;
    void (*spoke)(void *data);  /* link->out has more */
    void *data;
    /* private */
    struct viewer places[DISPLAY_PLACES];
    uint64_t number;
    struct loop_timer turn;     /* set: no handshake may begin before */
    struct loop_timer check;    /* set: no password is checked before */
};

void viewers_init(struct viewers *viewers);
/* fd becomes its. peer: the same for all that one host or user can open. from:
 * the peer's address, as text. tls: it is wanted. */
void viewers_add(struct viewers *viewers, int fd, uint64_t peer,
                 const char *from, bool tls);

/* The link's hooks. */
void viewers_ready(struct viewers *viewers);
void viewers_bytes(struct viewers *viewers, unsigned int channel,
                   const void *bytes, size_t n);
void viewers_closed(struct viewers *viewers, unsigned int channel);
/* Some of link->out has gone, or there is more credit. */
void viewers_resume(struct viewers *viewers);

#endif
