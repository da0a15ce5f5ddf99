/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process that qmp-helper looks after, its worker (helper_worker.h),
 * is started again whenever it ends: at once if it had lived for a while,
 * else ever later. The listening sockets stay open meanwhile, so a client
 * that connects then only waits.
 */
#ifndef XENQMP_HELPER_CHILDREN_H
#define XENQMP_HELPER_CHILDREN_H

#include "helper_worker.h"
#include "loop.h"

struct children {
    /* the caller sets */
    struct loop *loop;
    const struct worker_config *worker_config;
    /* private */
    pid_t worker;               /* 0: none */
    int64_t worker_began_ms, restart_ms;
    struct loop_timer restart;
    bool ending;
};

/* The worker never fails to start for good. */
void children_start_worker(struct children *children);
/* After SIGCHLD. */
void children_reap(struct children *children);
/* Ends it, and starts none any more. Idempotent. */
void children_end(struct children *children);
/* Until it is gone. After children_end(). */
void children_wait(struct children *children);

#endif
