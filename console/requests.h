/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon answers on its control sockets.
 */
#ifndef XENQMP_REQUESTS_H
#define XENQMP_REQUESTS_H

#include "qmp_buf.h"
#include "server.h"

#include <stdint.h>

/* On the host socket: list, stats, attach, ping. data: the server. */
enum control_result requests_host(void *data, uint64_t peer,
                                  const char *request, bool again,
                                  struct qmp_buf *reply);
/* The connection on which `attach` was answered. */
void requests_take(void *data, const char *request, int fd);

/* Beside that console: save-begin, sync, for its domain's save. */
enum control_result requests_console(struct console *beside, uint64_t peer,
                                     const char *request, bool again,
                                     struct qmp_buf *reply);
/* A connection beside a console of the domain has ended. */
void requests_gone(struct server *server, uint32_t domid, uint64_t peer);
/* Those that were put off beside consoles of the domain are asked again. */
void requests_ask_again(struct server *server, uint32_t domid);

#endif
