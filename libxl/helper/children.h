/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process that qmp-helper looks after, a worker (child/child.h), is
 * started again whenever it ends: at once if it had lived for a while, else
 * ever later, until it has ended in one way too often. The listening sockets
 * stay open meanwhile, so a client that connects then only waits.
 * It is told how the stubdomain is, and may ask for that.
 */
#ifndef XENQMP_LIBXL_HELPER_CHILDREN_H
#define XENQMP_LIBXL_HELPER_CHILDREN_H

#include "libxl/child/child.h"
#include "tools/common/loop.h"
#include "tools/common/stubdom_state.h"

struct children {
    /* the caller sets */
    struct loop *loop;
    struct child_config *config;
    int (*run)(const void *data);   /* in the child; its exit status */
    const void *run_data;
    /* What the guest is without once it was given up: ends "the guest runs on
     * without" in the log. */
    const char *gives;
    /* False: what a worker needs is not there yet, and that was said. It is
     * asked again RESTART_LAST_MS later, without an end; a worker that may be
     * another's by now is not to say so. NULL: it needs nothing. */
    bool (*may_start)(void *data);
    /* The worker asks for children_tell(). NULL: it has nothing to ask, and
     * may be hostile. */
    void (*asked)(void *data);
    /* The worker has ended CHILDREN_SAME_MAX times in one way, each time
     * soon after it began; it is not started again. May be NULL. */
    void (*gave_up)(void *data);
    void *data;
    /* private */
    pid_t worker;               /* 0: none */
    int worker_fd;              /* to the worker, if there is one */
    loop_id worker_id;
    enum stubdom_state state;   /* told last */
    int64_t worker_began_ms, restart_ms;
    struct loop_timer restart, ask, refused;
    int last_status, same;
    int refused_fds[2];         /* worker_config->refused_fd's pipe */
    loop_id refused_id;
    bool ending;
};

#define CHILDREN_SAME_MAX 3

/* The worker's configuration gets its refused_fd. */
void children_start_worker(struct children *children);
/* How the stubdomain is; the next worker is told as well. */
void children_tell(struct children *children, enum stubdom_state state);
/* After SIGCHLD. */
void children_reap(struct children *children);
/* Ends it, and starts none any more. Idempotent. */
void children_end(struct children *children);
/* Until it is gone. After children_end(). */
void children_wait(struct children *children);

#endif
