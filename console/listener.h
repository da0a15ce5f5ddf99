/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A listening UNIX socket with an owner: root and one user may connect.
 *
 * The socket has mode 0600 and belongs to that user; whoever connects is
 * asked for again by SO_PEERCRED, which holds also where the path was
 * opened up afterwards. A socket that is at the path is replaced: an
 * earlier run left it, or it is another domain's that the guest is about to
 * leave (a migration to this host). Anything else there is an error. So the
 * path may become another's: it is removed only if it still is this one's.
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
    dev_t dev;                  /* what was made at path */
    ino_t ino;
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
/* Removes the socket, if it is there. Idempotent; not from fn. */
void listener_dispose(struct listener *listener);

/* True if somebody listens at path. */
bool listener_is_served(const char *path);

#endif
