/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon may do, and what it gives up; privileges.c lists what it
 * keeps.
 */
#ifndef XENQMP_CONSOLE_DAEMON_PRIVILEGES_H
#define XENQMP_CONSOLE_DAEMON_PRIVILEGES_H

#include <stdbool.h>

/* As many descriptors as the system gives: a pty console takes three, and
 * a host may have thousands. */
void privileges_raise_limits(void);

/* Both give up what isn't needed once everything is open. Before the first
 * thread is started (libxenstore starts one at the first xs_watch()): they
 * count for this one and those that it starts. strict: what is forbidden
 * ends the process. -1: a line has been logged. */
int privileges_drop_capabilities(void);
int privileges_filter(bool strict);

#endif
