/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A context: one session and the descriptor that carries it.
 */
#ifndef XENQMP_LIBXL_CLIENT_CTX_H
#define XENQMP_LIBXL_CLIENT_CTX_H

#include "session.h"

struct xlqmp_subscription {
    /* private, client/event.c */
    struct xlqmp_subscription *next;
    uint64_t handle;
    char *name;                 /* NULL: every event */
    xlqmp_event_fn *fn;         /* NULL: unsubscribed, to be freed */
    void *user;
};

struct xlqmp_ctx {
    struct xlqmp_session session;
    int fd;                     /* -1 once the session is dead */
    bool is_socket;
    bool write_failed;          /* only reads what is left */
    bool in_callbacks;          /* no afterpoll, close, blocking call */
    struct xlqmp_subscription *subscriptions;
    uint64_t last_subscription;
};

/* The hook of the session. */
void xlqmp_events_deliver(xlqmp_ctx *ctx, const struct qmp_message *message);
void xlqmp_events_dispose(xlqmp_ctx *ctx);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t xlqmp_now_ms(void);
/* The deadline of a time-out; XLQMP_NO_LIMIT, or any negative: never. */
int64_t xlqmp_deadline(int timeout_ms);

/* Fills *error_r, if there is one. Returns rc. */
int xlqmp_error_fill(struct xlqmp_error *error_r, int rc, const char *fmt,
                     ...) __attribute__((format(printf, 3, 4)));

#endif
