/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the clients of one socket may do. */
#ifndef XENQMP_WORKER_POLICY_H
#define XENQMP_WORKER_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "helper_worker.h"

struct policy {
    /* Allowed commands, as in worker_socket; NULL: all. Those of QMP's
     * session (qmp_capabilities, qmp_reset) always are. */
    const char *commands;
    bool events;                /* they get events */
    bool impatient;             /* they wait only while something comes */
    size_t clients_max;
    unsigned int flights_max;   /* of one client */
    size_t output_max;          /* of one client, bytes */
};

/* For those who may do everything. */
extern const struct policy policy_full;
/* For those of a socket that is for less. */
void policy_init(struct policy *policy,
                 const struct worker_socket *socket);

bool policy_allows(const struct policy *policy, const char *command);

#endif
