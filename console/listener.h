/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A listening UNIX socket with an owner: root and one user may connect.
 *
 * The socket has mode 0600 and belongs to that user; whoever connects is
 * asked for again by SO_PEERCRED, which holds also where the path was
 * opened up afterwards. A socket that an earlier run left at the path is
 * replaced; anything else there is an error.
 */
#ifndef XENQMP_LISTENER_H
#define XENQMP_LISTENER_H

#include "loop.h"

#include <stdint.h>
#include <sys/types.h>

/* fd is the receiver's from here on; non-blocking. */
typedef void listener_fn(void *data, int fd);

struct listener {
    /* readable */
    char *path;                 /* NULL: not open */
    uint32_t domid;             /* whose limits log lines count to */
    /* private */
    struct loop *loop;
    uid_t uid;
    int fd;
    loop_id id;
    listener_fn *fn;
    void *data;
    struct loop_timer retry;    /* accepts again after a lack of fds */
};

void listener_init(struct listener *listener);
/* -1 with errno; EEXIST: something that is no socket is at path. */
int listener_open(struct listener *listener, struct loop *loop,
                  const char *path, uint32_t domid, uid_t uid,
                  listener_fn *fn, void *data);
/* Removes the socket. Idempotent; not from fn. */
void listener_dispose(struct listener *listener);

/* True if somebody listens at path. */
bool listener_is_served(const char *path);

#endif
