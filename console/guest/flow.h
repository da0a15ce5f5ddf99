/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of a console that is served: ring to output, output to ring.
 */
#ifndef XENQMP_CONSOLE_GUEST_FLOW_H
#define XENQMP_CONSOLE_GUEST_FLOW_H

#include "console.h"

#include <stdbool.h>
#include <stddef.h>

/* The console's port has an event, and is masked. */
void flow_event(struct console *console);
/* One turn: moves at most a budget of bytes, then waits for whatever can
 * move more, or queues the console again. False: the ring's counters make
 * no sense, see frontend_park(). */
bool flow_turn(struct console *console);
/* Gives all that the guest has written so far to the output, as far as it
 * takes it: one ring at most. False: likewise. */
bool flow_drain(struct console *console);
/* Bytes in the ring that the output has not taken. */
size_t flow_pending(const struct console *console);
/* The guest's log has written something: its logger_fn. */
void flow_log_written(void *console, enum logger_event event,
                      size_t written, size_t lost);
/* The daemon stops: takes out of the ring what its file has already. */
void flow_settle(struct console *console);
/* No more turns and timers. */
void flow_stop(struct console *console);

#endif
