/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A listening UNIX socket with an owner: root and one user may connect.
 *
 * The socket has mode 0600 and belongs to that user; whoever connects is
 * asked for again by SO_PEERCRED, which holds also where the path was
 * opened up afterwards. binding.h has what becomes of the path.
 */
#ifndef XENQMP_CONSOLE_CONTROL_LISTENER_H
#define XENQMP_CONSOLE_CONTROL_LISTENER_H

#include "binding.h"
#include "tools/common/loop.h"

#include <stdint.h>
#include <sys/types.h>

struct listener_ops {
    /* It listens (0), or can't (an errno), and is to be disposed. */
    void (*opened)(void *data, int error);
    /* fd is the receiver's from here on; non-blocking. */
    void (*accepted)(void *data, int fd);
};

struct listener {
    /* readable */
    char *path;                 /* NULL: not open */
    uint32_t domid;             /* whose limits log lines count to */
    /* private */
    struct loop *loop;
    uid_t uid;
    struct binding *binding;
    loop_id id;
    const struct listener_ops *ops;
    void *data;
    struct loop_timer retry;    /* accepts again after a lack of fds */
};

void listener_init(struct listener *listener);
/* Begins to; ops->opened() tells. -1 with errno. Dispose of it either
 * way. */
int listener_open(struct listener *listener, struct loop *loop,
                  struct lanes *lanes, const char *path, uint32_t domid,
                  uid_t uid, const struct listener_ops *ops, void *data);
bool listener_is_open(const struct listener *listener);
/* Removes the socket, if it is there, soon. Idempotent; not from
 * accepted(). */
void listener_dispose(struct listener *listener);

/* True if somebody listens at path. */
bool listener_is_served(const char *path);

#endif
