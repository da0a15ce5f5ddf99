/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxl has just started vchan-socket-proxy for this guest; qmp-helper
 * takes its place. Signalled by pidfd and only after a look at its
 * arguments, so that a stranger with a recycled pid is safe.
 */
#ifndef XENQMP_LIBXL_HELPER_PROXY_H
#define XENQMP_LIBXL_HELPER_PROXY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* True if pid is the proxy of stubdomain dm: its program's name is
 * vchan-socket-proxy and one of its arguments is dm. */
bool proxy_is_ours(pid_t pid, uint32_t dm);

/* The proxy of stubdomain dm among this user's processes, or 0. libxl's process
 * that writes a pid down is killed as soon as the proxy runs, written or not
 * (libxl__spawn_initiate_detach()). */
pid_t proxy_find(uint32_t dm);

/* Ends it and waits until it is gone; nothing if pid is a stranger's. -1
 * if it does not go. */
int proxy_end(pid_t pid, uint32_t dm);

#endif
