/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef XENQMP_PRIVILEGES_H
#define XENQMP_PRIVILEGES_H

/* As many descriptors as the system gives: a pty console takes three, and
 * a host may have thousands. */
void privileges_raise_limits(void);

/* Gives up what isn't needed from here on; see privileges.c for what is
 * kept. Before the first xs_watch(): capabilities are a thread's, and
 * libxenstore starts one there. -1: a line has been logged. */
int privileges_drop(void);

#endif
