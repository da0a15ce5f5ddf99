/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The nodes in which libxl keeps the pids that it sends SIGHUP to, as root,
 * when it destroys the domain: image/device-model-pid, written by libxl
 * itself, and image/qmp-proxy-pid, in the proxy's place. Whoever leaves
 * before that must not leave his pid there: it could be another's by then.
 */
#ifndef XENQMP_LIBXL_HELPER_PIDS_H
#define XENQMP_LIBXL_HELPER_PIDS_H

#include <sys/types.h>

#include "store.h"

/* Of the proxy that libxl has started for stubdomain dm; 0 if none. */
pid_t pids_proxy(struct xs_handle *xs, uint32_t dm);
/* This process stands for the proxy from now on. */
bool pids_replace_proxy(struct xs_handle *xs, uint32_t dm);
/* Removes the nodes that hold this process's pid, and with the device
 * model's what libxl removes only as long as that is there. */
void pids_forget(struct xs_handle *xs, uint32_t dm);

#endif
