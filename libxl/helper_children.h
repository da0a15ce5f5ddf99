/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processes that qmp-helper looks after. The worker (helper_worker.h)
 * is started again whenever it ends: at once if it had lived for a while,
 * else ever later. The listening sockets stay open meanwhile, so a client
 * that connects then only waits. A QEMU in dom0, the backend of disk
 * images, is not: its disks would not survive that.
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
    pid_t worker, qemu;         /* 0: none */
    int64_t worker_began_ms, restart_ms;
    struct loop_timer restart;
    bool ending;
};

/* The worker never fails to start for good. */
void children_start_worker(struct children *children);
/* With libxl's arguments for one; argv[0] is replaced. Channels are left
 * out: xenconsoled serves them. -1 after a line. */
int children_start_qemu(struct children *children, char **argv);
/* The same in this process's place; returns only after a line. */
void children_become_qemu(uint32_t domid, char **argv);
/* After SIGCHLD. */
void children_reap(struct children *children);
/* Ends both, and starts none any more. Idempotent. */
void children_end(struct children *children);
/* Until both are gone. After children_end(). */
void children_wait(struct children *children);

#endif
