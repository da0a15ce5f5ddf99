/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A console as the toolstack has it: from its first key in xenstore to its
 * last, with the output and the logs that they name.
 */
#ifndef XENQMP_CONSOLE_GUEST_TOOLSTACK_H
#define XENQMP_CONSOLE_GUEST_TOOLSTACK_H

#include "console.h"

/* guest: its domain's, borrowed. NULL: no memory. */
struct console *toolstack_open(struct backend *backend, uint32_t domid,
                               unsigned int n, struct guest *guest);
/* Says nothing in xenstore. Delivers what is still in the ring, but when
 * the daemon stops: then that is for the next. */
void toolstack_close(struct console *console);

/* A refresh_fn: does what the keys that were read say, and takes of them
 * what it keeps. False: to be closed by the caller. */
bool toolstack_follow(struct console *console, struct keys_reading *reading,
                      bool by_dom0, bool republished);
/* A console that an earlier daemon was connected to by these keys, of which
 * it takes the texts. xenstored is asked nothing. False: it is not connected
 * any more, or can't be served; its keys are to be read. */
bool toolstack_take_over(struct console *console, struct keys *keys);
/* True if it has a terminal that the key `tty` does not name yet. */
bool toolstack_wants_tty(const struct console *console);
/* Tells xenconsole where the terminal is, if there is one. */
void toolstack_name_tty(struct console *console);
/* True if its domain has shut down, and a socket's reader is to be told by the
 * key `shut-down`. Xen tells nobody which domain it was; so who waits for one
 * need not ask at each that ends. */
bool toolstack_wants_end(const struct console *console);
void toolstack_name_end(struct console *console);

/* For SIGHUP: opens the guest's log, if there is to be one, and other log
 * files anew. */
void toolstack_reopen_logs(struct console *console);

#endif
