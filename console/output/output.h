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
#ifndef XENQMP_CONSOLE_OUTPUT_OUTPUT_H
#define XENQMP_CONSOLE_OUTPUT_OUTPUT_H

#include "kind.h"

/* NULL: errno. host is borrowed. */
struct output *output_open(struct output_host *host,
                           const struct settings *settings);
/* One line: it could not be opened. */
void output_complain(const struct output_host *host,
                     const struct settings *settings, int error);
/* What was buffered counts as dropped, though a terminal's reader may get it
 * yet. NULL is legal. */
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
