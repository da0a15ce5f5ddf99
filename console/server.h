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
#ifndef XENQMP_SERVER_H
#define XENQMP_SERVER_H

#include "control.h"
#include "lane.h"
#include "logger.h"
#include "loop.h"
#include "options.h"
#include "refresh.h"
#include "supervisor.h"

#include <sys/queue.h>
#include <xenstore.h>

struct console;
struct domain;
TAILQ_HEAD(console_queue, console);

/* Buckets of the hash from domid to domain: domids are given out in
 * sequence, so a low power of two spreads evenly. */
#define SERVER_DOMAINS_HASH 1024

struct server {
    /* the caller sets */
    const struct options *options;
    /* readable */
    struct loop loop;
    struct lanes lanes;
    struct hv *hv;
    struct xs_handle *xs;
    struct domain *domains[SERVER_DOMAINS_HASH];
    /* private */
    int (*finish)(void);
    struct console_queue ready; /* waiting for a turn */
    struct refresh refresh;     /* what is to be read from xenstore */
    TAILQ_HEAD(, domain) unlisted;
    struct loop_timer census_wait;
    int64_t census_ms;          /* when the last was; 0: never */
    bool census;                /* Xen is to be asked for all domains */
    struct control control;     /* the host socket */
    struct crew crew;
    struct supervisor supervisor;
    struct logger *hv_log;      /* NULL: none */
    bool hv_log_more;           /* Xen has more for it */
    int hv_port;                /* VIRQ_CON_RING; -1: none */
    int signal_fd;
    loop_id signal_id, hv_id, xs_id;
    bool swept;                 /* old records were removed */
    /* readable */
    bool stop;
    bool restarts;              /* and that the next one starts at once */
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

/* Gives the console a turn soon. */
void server_queue(struct server *server, struct console *console);

#endif
