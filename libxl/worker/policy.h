/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the clients of one socket may do. */
#ifndef XENQMP_LIBXL_WORKER_POLICY_H
#define XENQMP_LIBXL_WORKER_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "worker_config.h"
#include "flight.h"

struct policy {
    /* Allowed commands, as in worker_socket; NULL: all. Those of QMP's
     * session (qmp_capabilities, qmp_reset) always are. */
    const char *commands;
    bool events;                /* they get events */
    bool impatient;             /* they wait only while something comes */
    /* Other than FLIGHT_FULL: the clients may be anybody's. Each is read
     * and served in measure, and may have to leave for another. */
    enum flight_share share;
    size_t clients_max;
    /* Of one client: */
    unsigned int flights_max;
    size_t command_max;         /* bytes, as all below */
    size_t output_max;
    size_t output_reserve;      /* of that, not for replies */
    size_t input_chunk;         /* read at once */
    int stall_ms;               /* in which it must take something */
};

/* For those who may do everything. */
extern const struct policy policy_full;
/* For those of a socket that is for less. */
void policy_init(struct policy *policy,
                 const struct worker_socket *socket);

bool policy_allows(const struct policy *policy, const char *command);

#endif
