/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which xenconsoled runs on this host: ours greets on a socket
 * (docs/console-control.md), Xen's own has none.
 */
#ifndef XENQMP_LIBXL_HELPER_CONSOLED_H
#define XENQMP_LIBXL_HELPER_CONSOLED_H

#include <stdint.h>

#include "tools/common/consoled_socket.h"

/* 0 if ours listens at path; else -1 after one line with the remedy. */
int consoled_check(const char *path, uint32_t domid);
/* A pidfd of the one that listens at path, to be seen when it ends; or -1,
 * with errno: none listens, or (EAGAIN) it has no place for a client now. */
int consoled_pidfd(const char *path);

#endif
