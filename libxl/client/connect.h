/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ways to a QMP server, by their addresses.
 */
#ifndef XENQMP_LIBXL_CLIENT_CONNECT_H
#define XENQMP_LIBXL_CLIENT_CONNECT_H

#include "libxl_qmp.h"

/* "unix:PATH", "tcp:HOST:PORT" or "tty:PATH". 0: *fd_r is connected, and
 * *flags_r is for xlqmp_open_fd(). Else an xlqmp_rc, and error_r, which may
 * be NULL, is filled. */
int xlqmp_connect(const char *address, int timeout_ms, int *fd_r,
                  unsigned int *flags_r, struct xlqmp_error *error_r);

#endif
