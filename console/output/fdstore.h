/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Terminals that outlive the daemon, in systemd's file descriptor store.
 *
 * Each pty's master is handed to the service manager as it is made, named
 * after its console, and given back to the next daemon at its start, also
 * after a kill -9: whoever has the terminal open notices nothing. Without
 * a service manager all of this does nothing.
 */
#ifndef XENQMP_CONSOLE_OUTPUT_FDSTORE_H
#define XENQMP_CONSOLE_OUTPUT_FDSTORE_H

#include <stdbool.h>
#include <stdint.h>

/* Takes over what the service manager hands in: before anything else is
 * opened. What is not a pty's master, or has another's name, is closed. */
void fdstore_init(void);

/* The console's master, the caller's from here on; -1: none was kept. */
int fdstore_take(uint32_t domid, unsigned int n);
/* Keeps a copy of fd. */
void fdstore_keep(uint32_t domid, unsigned int n, int fd);
/* The console is gone. */
void fdstore_drop(uint32_t domid, unsigned int n);
/* Drops those that nobody took, of domains of which alive() is false. */
void fdstore_sweep(bool (*alive)(void *data, uint32_t domid), void *data);
/* Whether what is kept outlives the daemon that stops: in a restart it
 * does, else only with a service manager that knows to keep it until the
 * next start (systemd since 254, by FileDescriptorStorePreserve). */
bool fdstore_outlives(bool restarts);
/* The daemon stops: fdstore_drop() does nothing from here on. */
void fdstore_freeze(void);

#endif
