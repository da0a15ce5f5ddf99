/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helper_probe.h"

#include <unistd.h>

#include "loop.h"
#include "worker_clients.h"
#include "worker_listener.h"
#include "worker_policy.h"
#include "worker_toolstack.h"

int probe_run(int fd)
{
    static struct clients clients;
    static struct loop loop;
    struct listener listener = {
        .clients = &clients, .fd = fd, .policy = &policy_full,
        .service = &probe_service,
    };

    clients.loop = &loop;
    clients_init(&clients);
    if (loop_init(&loop) || listener_init(&listener))
        return -1;
    alarm(PROBE_LIMIT_S);
    return loop_run(&loop);
}
