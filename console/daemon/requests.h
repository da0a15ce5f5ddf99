/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon answers on its control sockets.
 */
#ifndef XENQMP_CONSOLE_DAEMON_REQUESTS_H
#define XENQMP_CONSOLE_DAEMON_REQUESTS_H

#include "console/control/control.h"
#include "domains.h"
#include "libxl/qmp/buf.h"

#include <stdint.h>

/* On the host socket: list, stats, attach, ping. data: the domains. */
enum control_result requests_host(void *data, uint64_t peer,
                                  const char *request, bool again,
                                  struct qmp_buf *reply);
/* The connection on which `attach` was answered. */
void requests_take(void *data, const char *request, int fd);

/* Beside a console, data: save-begin, sync, for its domain's save. */
enum control_result requests_console(void *data, uint64_t peer,
                                     const char *request, bool again,
                                     struct qmp_buf *reply);
/* A connection beside the console has ended. */
void requests_gone(void *data, uint64_t peer);
/* Those that were put off beside consoles of its domain are asked again. */
void requests_ask_again(struct console *console);

#endif
