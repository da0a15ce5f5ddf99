/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other end of a console: the handshake with the guest's frontend, and
 * the ring and event channel that come of it.
 *
 * The frontend's state and the ring's keys are the guest's; whatever it
 * writes there costs only its own console. States 1 and 2 mean that it
 * waits for us, 3 and 4 that a ring is published, 5 and 6 that it closes;
 * anything else is taken for no news.
 */
#ifndef XENQMP_CONSOLE_GUEST_FRONTEND_H
#define XENQMP_CONSOLE_GUEST_FRONTEND_H

#include "console.h"

/* Does what the frontend's keys say. The console has an output.
 * republished: it wrote its state, ring-ref or port since the last call. */
void frontend_follow(struct console *console, const struct keys *keys,
                     bool republished);

/* Whether bytes wait in a ring that is not served yet, as the page says. */
bool frontend_has_bytes(struct hv *hv, uint32_t domid, uint32_t ring_ref);

/* The console has an output, and an earlier daemon was connected to it by
 * these keys; xenstored is asked nothing. */
void frontend_take_over(struct console *console, const struct keys *keys);
/* What the daemon after this one needs for that; the texts are borrowed.
 * False: it is not connected. */
bool frontend_hand_over(const struct console *console, struct keys *r);

/* The output knows where it stands in the ring. */
void frontend_located(struct console *console);

/* Unmaps the ring, if there is one; the caller sets the state that
 * follows. _disconnect: what the guest has written before is delivered.
 * _abandon: it is not. _leave: the next daemon will go on with the ring,
 * and the output is not told that it is gone. */
void frontend_disconnect(struct console *console);
void frontend_abandon(struct console *console);
void frontend_leave(struct console *console);
/* The ring's counters make no sense: unmaps it, and waits for another. */
void frontend_park(struct console *console);

#endif
