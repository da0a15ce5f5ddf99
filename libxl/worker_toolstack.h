/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The QEMU in dom0 that libxl believes it has started for the stubdomain's
 * own backends: just enough of one to answer what libxl asks it.
 */
#ifndef XENQMP_WORKER_TOOLSTACK_H
#define XENQMP_WORKER_TOOLSTACK_H

#include "worker_client.h"

const char *toolstack_greeting(void *server, size_t *n_r, bool *oob_r);
bool toolstack_has_room(void *server);
enum client_taken toolstack_execute(struct client *client,
                                    const struct qmp_message *message,
                                    const char *name);
void toolstack_reset(struct client *client);

#endif
