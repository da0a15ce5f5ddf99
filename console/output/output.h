/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a console's bytes go, and where bytes for the guest come from.
 *
 *   kind      towards dom0 (put)                 towards the guest (get)
 *   pty       buffered; full: the oldest go, or  what is typed
 *             (overflow-data=keep) the guest
 *             waits
 *   null      dropped                            nothing
 *   file log  written; a slow disk: buffered,    nothing
 *             full: the oldest go
 *   file save written between save-begin and     nothing
 *             sync, else dropped
 *   pipe      the first byte is a request, the   the file
 *             others are dropped
 *   unix      attached: buffered; full: the      what the reader sends
 *             guest waits. Unattached: dropped
 *
 * Every byte that put() takes is counted at once: delivered, dropped, or
 * held in the buffer, so that received = delivered + dropped + buffered
 * holds at all times. What put() does not take stays in the ring, and is
 * offered again. A file is written while its bytes are in the ring: put()
 * takes nothing, busy() is true until the write is over, and what put()
 * takes then are the bytes that it was offered first.
 *
 * Outputs never call back into the console but through host->wake(), which
 * only queues it for a turn, and, last in a job's done(), host->located()
 * and opened().
 */
#ifndef XENQMP_OUTPUT_H
#define XENQMP_OUTPUT_H

#include "control.h"
#include "lane.h"
#include "loop.h"
#include "record.h"
#include "ring.h"
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
    struct lanes *lanes;
    struct counters *counters;
    struct record ring;         /* whose it is; the ring, while it has one */
    char label[40];             /* "domain 5 console 3", for log lines */
    bool keep;                  /* overflow-data=keep */
    void (*wake)(void *data);   /* bytes can flow again */
    void (*drain)(void *data);  /* put() now all that the ring holds */
    void (*located)(void *data);    /* position() can be asked again */
    void (*opened)(void *data, int error);  /* a unix output's sockets are
                                             * there, or it is to be closed */
    const struct control_ops *control;  /* at a unix output's .ctl */
    void (*answer)(void *data); /* one that was put off can be answered */
    void *data;
};

enum output_answer {
    OUTPUT_ANSWER_OK,
    OUTPUT_ANSWER_ERROR,
    OUTPUT_ANSWER_LATER,        /* ask again when the host is told */
};

/* Who asks for a save: a connection, and the save's name or "". */
struct save_client {
    uint64_t peer;
    const char *name;
};

/* What a save's file has. */
struct save_sum {
    uint64_t bytes;
    uint32_t crc;
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
    bool (*busy)(const struct output *output);
    bool (*written)(const struct output *output);
    enum output_answer (*position)(struct output *output,
                                   const struct xencons_interface *page,
                                   uint32_t *out_cons_r);
    void (*ring_up)(struct output *output, const struct ring *ring);
    void (*ring_ends)(struct output *output);
    void (*ring_lost)(struct output *output);
    size_t (*buffered)(const struct output *output);
    void (*reopen)(struct output *output);
};

/* NULL: errno. host is borrowed. */
struct output *output_open(struct output_host *host,
                           const struct settings *settings);
/* One line: it could not be opened. */
void output_complain(const struct output_host *host,
                     const struct settings *settings, int error);
/* What was buffered counts as dropped. NULL is legal. */
void output_close(struct output *output);

size_t output_put(struct output *output, const char *bytes, size_t n);
size_t output_get(struct output *output, char *bytes, size_t n);
/* Derives what to wait for; room: the guest's ring takes bytes. */
void output_poll(struct output *output, bool room);
/* Bytes in the ring are being written; the console is woken afterwards. */
bool output_is_busy(const struct output *output);

/* Bytes in the ring were written; put() takes these, and writes none. */
bool output_has_written(const struct output *output);

/* Before a ring is adopted for the first time: how far its bytes have got,
 * as the record of an earlier daemon and the file say. ERROR: nothing is
 * known but what the page says; LATER: see host->located(). */
enum output_answer output_position(struct output *output,
                                   const struct xencons_interface *page,
                                   uint32_t *out_cons_r);
/* A ring was adopted, at the counters that it has. */
void output_ring_up(struct output *output, const struct ring *ring);
/* The ring goes: put() takes all it can from here on. */
void output_ring_ends(struct output *output);
void output_ring_lost(struct output *output);
size_t output_buffered(const struct output *output);

/* The slave's path, of a pty only; else NULL. */
const char *output_tty(const struct output *output);
/* A reader is there: unix only; else false. */
bool output_is_attached(const struct output *output);
/* The connection becomes the reader of a unix output that has none. */
void output_attach(struct output *output, int fd);

/* For SIGHUP: log files. */
void output_reopen(struct output *output);

/* The save stream, of policy save only. again: the request was put off. */
enum output_answer output_save_begin(struct output *output,
                                     const struct save_client *client,
                                     bool again, const char **why_r);
/* Ends it; pending: bytes in the ring. */
enum output_answer output_save_sync(struct output *output,
                                    const struct save_client *client,
                                    size_t pending, struct save_sum *sum_r,
                                    const char **why_r);
/* The connection has ended, and with it a save that it began. */
void output_save_gone(struct output *output, uint64_t peer);
/* Requests at a unix output's .ctl are asked again; others: nothing. */
void output_ask_again(struct output *output);

#endif
