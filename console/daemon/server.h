/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon as a whole: one loop, one thread at a time.
 *
 * Three things come in: xenstore's watch events (domains.h), event
 * channels, and readers' descriptors (output.h). The latter two only put a
 * console into the ready queue; at the end of each turn of the loop every
 * console in the queue gets one turn with a budget of bytes (flow.h), so
 * that a flooding guest delays the others by one budget at most.
 *
 * Files are the exception: what can wait for a disk is done last in a turn,
 * by jobs (lane.h), and a job that hangs leaves the loop to another thread
 * (crew.h).
 *
 * Xen's event-channel device needs no thread of its own: its descriptor is
 * polled like the others and drained without blocking.
 */
#ifndef XENQMP_CONSOLE_DAEMON_SERVER_H
#define XENQMP_CONSOLE_DAEMON_SERVER_H

#include "console/guest/backend.h"
#include "console/control/control.h"
#include "console/files/crew.h"
#include "domains.h"
#include "console/files/logger.h"
#include "supervisor.h"

struct server {
    /* readable */
    struct backend backend;
    bool failed;                /* it stops because of an error */
    bool other_xen;             /* server_init() failed for that: hv_open() */
    /* private */
    bool announced;             /* in xenstore: what it serves */
    int (*finish)(void);
    struct domains domains;
    struct control control;     /* the host socket */
    struct crew crew;
    struct supervisor supervisor;
    struct logger *hv_log;      /* NULL: none */
    bool hv_log_more;           /* Xen has more for it */
    int hv_port;                /* VIRQ_CON_RING; -1: none */
    int signal_fd;
    int life_fd;                /* ends with xenstored; -1: none */
    loop_id signal_id, hv_id, xs_id, life_id;
};

/* Opens all that can fail; -1: a line has been logged. */
int server_init(struct server *server, const struct options *options);
/* Until SIGTERM or SIGINT, or an error; then exits with finish()'s
 * result. It may be called by another thread. */
void server_run(struct server *server, int (*finish)(void))
    __attribute__((noreturn));
/* Leaves the rings connected, for the next daemon to take over. Legal also
 * after server_init() has failed. */
void server_dispose(struct server *server);

#endif
