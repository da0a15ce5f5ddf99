/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The QMP server that each client sees: greeting, negotiation, qmp_reset,
 * and QEMU's own words for what is wrong. Commands go to the client's
 * service.
 */
#ifndef XENQMP_LIBXL_WORKER_MONITOR_H
#define XENQMP_LIBXL_WORKER_MONITOR_H

#include "client.h"

/* Greets a client that was just opened, or arranges for it. */
void monitor_open(struct client *client);
/* Greets the client if it waits for that and the greeting is known. */
void monitor_greeting_known(struct client *client);

enum client_taken monitor_message(struct client *client,
                                  const struct qmp_message *message);

#endif
