/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Several connections over one console (docs/display-protocol.md): channels,
 * each with a credit of bytes in either direction, so that one that isn't
 * read costs the others nothing. A state machine without input or output:
 * bytes go in, bytes come out in `out`.
 *
 * Two ends. The master (dom0's) opens channels, and begins every session with
 * a reset, which the other end answers; before that nothing that comes in
 * counts, and all channels are closed. The other end never opens one.
 */
#ifndef XENQMP_LIBXL_LINK_LINK_H
#define XENQMP_LIBXL_LINK_LINK_H

#include <stdbool.h>

#include "frames.h"

#define LINK_CHANNELS 16
/* Bytes of a channel that may be on their way to the master, and from it. */
#define LINK_WINDOW_MASTER (256u << 10)
#define LINK_WINDOW_OTHER  (16u << 10)
/* Data is added to `out` up to here; above is room for what has to be said
 * at once. */
#define LINK_OUT_DATA (32u << 10)
#define LINK_OUT_MAX  (64u << 10)
#define LINK_NONCE    8

/* Called from link_input(), and closed() from link_reset() as well. They may
 * call any function but those two and link_dispose(). Each may be NULL. */
struct link_hooks {
    /* Both ends have begun afresh. */
    void (*ready)(void *data);
    /* The master wants a new connection. Not the master's. */
    void (*opened)(void *data, unsigned int channel);
    void (*bytes)(void *data, unsigned int channel, const void *bytes,
                  size_t n);
    /* By the other end, or by what ended the session; not by link_close().
     * The channel is not to be used any more. */
    void (*closed)(void *data, unsigned int channel);
    /* The session has ended: why, for a line. The master is to begin the
     * next by link_reset(), not at once. */
    void (*lost)(void *data, const char *why);
};

struct link_channel {
    /* private */
    enum { LINK_FREE, LINK_OPEN,
           LINK_CLOSING,        /* until the other end has closed as well */
    } state;
    uint32_t credit;            /* bytes that may be sent */
    uint32_t owed;              /* bytes that may come */
    uint32_t taken;             /* bytes whose credit was not yet given back */
};

struct link {
    /* the caller sets */
    bool master;
    const struct link_hooks *hooks;
    void *data;
    /* readable */
    struct qmp_buf out;         /* to be sent; then link_sent() */
    bool in_order;              /* a session has begun */
    /* private */
    struct frames frames;
    uint8_t nonce[LINK_NONCE];
    struct link_channel channels[LINK_CHANNELS];
};

/* After the caller's fields were set. */
void link_init(struct link *link);
void link_dispose(struct link *link);

/* Begins a session: the master's. nonce: random, of this session only. Ends
 * the one before; forgets what `out` holds. Again, if no answer comes. */
void link_reset(struct link *link, const uint8_t nonce[LINK_NONCE]);
/* The other end's: the console is another, or was hung up. Has the master
 * begin anew. */
void link_renewed(struct link *link);

/* What has come in from the console. */
void link_input(struct link *link, const void *bytes, size_t n);

/* The first n bytes of `out` are on the console. */
void link_sent(struct link *link, size_t n);

/* A free channel, or -1: there is none, no session, or the other end takes
 * nothing. */
int link_open(struct link *link);
/* Bytes that link_send() takes now. */
size_t link_room(const struct link *link, unsigned int channel);
/* n <= link_room(). */
void link_send(struct link *link, unsigned int channel, const void *bytes,
               size_t n);
/* n more of the bytes that came by bytes() were passed on: as many may come
 * again. */
void link_taken(struct link *link, unsigned int channel, size_t n);
/* Of an open channel. What comes for it until the other end has closed as
 * well is dropped; only then is it free again. */
void link_close(struct link *link, unsigned int channel);

#endif
