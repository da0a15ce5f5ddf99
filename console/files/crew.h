/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that keep the loop going while one of them hangs in a file.
 *
 * One thread at a time is the leader: it runs the loop, and everything in
 * the daemon is its alone. It also does the jobs on files, so that a disk
 * that works costs no change of threads. A standby thread looks on: a job
 * that lasts longer than a tick loses its thread the lead, and the standby
 * goes on with the loop, from the top. The thread that hung finishes its
 * job, which it alone touches by then, hands it in, and is done.
 *
 * While no jobs are being done the standby sleeps. There are at most two
 * threads more than file systems that hang at the same time.
 */
#ifndef XENQMP_CONSOLE_FILES_CREW_H
#define XENQMP_CONSOLE_FILES_CREW_H

#include "tools/common/loop.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Embedded in its owner, who keeps it until crew_do() was true or back()
 * was called. */
struct crew_work {
    /* the caller sets */
    void (*run)(struct crew_work *work);    /* may wait */
    void (*back)(struct crew_work *work);   /* in the loop, if it did */
    /* private */
    struct crew_work *next;
};

struct crew {
    /* private */
    struct loop *loop;
    void (*lead)(void *data);
    void *data;
    int finished_fd;            /* eventfd: jobs were handed in */
    loop_id finished_id;
    /* Even: the leader is in the loop. Odd: in a job. Each job adds 2, and
     * a standby that takes the lead 1. Atomic. */
    uint64_t turn;
    bool asleep;                /* the standby; atomic */
    pthread_mutex_t lock;       /* of what follows */
    pthread_cond_t wake;
    struct crew_work *finished;
};

/* lead(data) runs the loop; it returns, at once, when crew_do() was false.
 * -1 with errno. */
int crew_init(struct crew *crew, struct loop *loop,
              void (*lead)(void *data), void *data);
/* Makes the calling thread the first leader; does not return. */
void crew_run(struct crew *crew) __attribute__((noreturn));

/* Does work->run(), in the leader. False: it has lost the lead meanwhile,
 * and back() will be called, in the loop. */
bool crew_do(struct crew *crew, struct crew_work *work);

#endif
