/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dom0 of a xensim: real daemons, in directories of their own. Nothing of
 * the machine is touched: the caller gets its own /run and /var/log.
 */
#ifndef XENQMP_TESTS_XENSIM_HOST_H
#define XENQMP_TESTS_XENSIM_HOST_H

#include <stdbool.h>
#include <sys/types.h>

/* In the build's sysroot. */
#define HOST_XENSTORED  "xen/bin/xenstored"
#define HOST_OXENSTORED "xen/bin/oxenstored"
/* For what never comes: however busy the machine, nothing takes as long. */
#ifndef HOST_WAIT_MS
#define HOST_WAIT_MS 120000
#endif

/* Makes a hypervisor in a new directory and starts Debian's xenstored,
 * of either kind.
 * preload, xenstored: files. Ends the test with a line if it can't. */
void host_start(const char *preload, const char *xenstored);
/* The directory, for the test's own files. */
const char *host_dir(void);
/* Runs a program of dom0 on the hypervisor; its standard error goes to
 * host_dir()/log. */
pid_t host_spawn(const char *const argv[]);
/* Kills it, and waits for its end. */
void host_end(pid_t pid);
pid_t host_store(void);
void host_end_store(void);
/* Ends all that was started. */
void host_stop(void);

/* Appends to Xen's own log. */
void host_xen_log(const char *text);

/* Waits until fn(data) is true: false if that takes too long. */
bool host_wait(bool (*fn)(void *data), void *data);
bool host_wait_file(const char *path);

#endif
