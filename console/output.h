/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a console's bytes go, and where bytes for the guest come from.
 *
 *   kind      towards dom0 (put)                 towards the guest (get)
 *   pty       buffered; full: the oldest go, or  what is typed
 *             (overflow-data=keep) the guest
 *             waits
 *   null      dropped                            nothing
 *   file log  written, lossy                     nothing
 *   file save written between save-begin and     nothing
 *             sync, else dropped
 *   pipe      the first byte is a request, the   the file
 *             others are dropped
 *   unix      attached: buffered; full: the      what the reader sends
 *             guest waits. Unattached: dropped
 *
 * Every byte that put() takes is counted at once: delivered, dropped, or
 * held in the buffer, so that received = delivered + dropped + buffered
 * holds at all times. What put() does not take stays in the ring.
 *
 * Outputs never call back into the console but through host->wake(), which
 * only queues it for a turn.
 */
#ifndef XENQMP_OUTPUT_H
#define XENQMP_OUTPUT_H

#include "control.h"
#include "loop.h"
#include "settings.h"

#include <stdint.h>

struct counters {
    uint64_t received;          /* taken out of the guest's ring */
    uint64_t delivered, dropped;
    uint64_t sent;              /* put into the guest's ring */
};

/* What an output knows of its console. */
struct output_host {
    struct loop *loop;
    struct counters *counters;
    char label[40];             /* "domain 5 console 3", for log lines */
    bool keep;                  /* overflow-data=keep */
    void (*wake)(void *data);   /* bytes can flow again */
    void (*drain)(void *data);  /* put() now all that the ring holds */
    control_fn *control;        /* requests at a unix output's .ctl */
    void *data;
};

struct output {
    const struct output_ops *ops;
    struct output_host *host;
};

struct output_ops {
    void (*close)(struct output *output);
    /* How many were taken; fewer: full, the guest waits. */
    size_t (*put)(struct output *output, const char *bytes, size_t n);
    /* Below may be NULL: nothing to do. */
    size_t (*get)(struct output *output, char *bytes, size_t n);
    void (*poll)(struct output *output, bool room);
    void (*ring_up)(struct output *output, uint32_t in_prod);
    void (*ring_lost)(struct output *output);
    size_t (*buffered)(const struct output *output);
};

/* NULL: errno, and a line has been logged. host is borrowed. */
struct output *output_open(struct output_host *host,
                           const struct settings *settings);
/* What was buffered counts as dropped. NULL is legal. */
void output_close(struct output *output);

size_t output_put(struct output *output, const char *bytes, size_t n);
size_t output_get(struct output *output, char *bytes, size_t n);
/* Derives what to wait for; room: the guest's ring takes bytes. */
void output_poll(struct output *output, bool room);
/* A ring was adopted; in_prod bytes have gone to the guest through it. */
void output_ring_up(struct output *output, uint32_t in_prod);
void output_ring_lost(struct output *output);
size_t output_buffered(const struct output *output);

/* The slave's path, of a pty only; else NULL. */
const char *output_tty(const struct output *output);
/* A reader is there: unix only; else false. */
bool output_is_attached(const struct output *output);

/* The save stream, of policy save only; else false with *why_r. */
bool output_save_begin(struct output *output, const char **why_r);
/* Ends it; *bytes_r: how many it had. */
bool output_save_sync(struct output *output, uint64_t *bytes_r,
                      const char **why_r);

#endif
