/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client that is closed stays DEAD in its place until the loop's next
 * turn, for whoever called may still be working on what it said. Its
 * generation ends with it: what is left in flight finds nobody.
 *
 * Each client's buffers are bounded by worker_client.c; here it is seen to
 * that all of them together don't get as large as they could.
 */
#include "worker_clients.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "worker_monitor.h"

static void clients_reap(void *data)
{
    struct clients *clients = data;

    for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++) {
        struct client *client = &clients->clients[i];

        if (client->state != CLIENT_DEAD)
            continue;
        client->service->reset(client);
        client_dispose(client);
    }
}

static void clients_dead(void *data)
{
    struct clients *clients = data;

    /* Without memory it waits for the next client's end. */
    loop_timer_set(clients->loop, &clients->reap, 0, clients_reap,
                   clients);
}

static bool clients_crowded(void *data)
{
    const struct clients *clients = data;
    size_t total = 0;

    for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++)
        if (clients->clients[i].state != CLIENT_FREE)
            total += client_input(&clients->clients[i]);
    return total > WORKER_INPUT_TOTAL_MAX;
}

void clients_init(struct clients *clients)
{
    clients->refused = clients->events_lost = 0;
    clients->next_generation = 1;       /* 0 is nobody's */
    clients->first = 0;
    clients->reap = (struct loop_timer){ 0 };
}

/* A free place, if there may be one more of that policy. */
static struct client *clients_place(struct clients *clients,
                                    const struct policy *policy)
{
    struct client *place = NULL;
    size_t n = 0;

    for (unsigned int i = WORKER_CLIENTS_MAX; i-- > 0; ) {
        struct client *client = &clients->clients[i];

        if (client->state == CLIENT_FREE) {
            place = client;
            place->ref.index = i;
        } else {
            n += client->policy == policy;
        }
    }
    return n < policy->clients_max ? place : NULL;
}

void clients_rename(struct clients *clients, struct client *client)
{
    client->ref.generation = clients->next_generation++;
    client->in_flight = 0;
}

void clients_add(struct clients *clients, int fd,
                 const struct service *service, void *server,
                 const struct policy *policy)
{
    static const struct client_hooks hooks = {
        .dead = clients_dead, .crowded = clients_crowded,
    };
    struct client *client = clients_place(clients, policy);

    if (!client) {
        log_guest(clients->guest_domid, LOG_LEVEL_WARN,
                  "domain %u: QMP: refused a client: there are %zu "
                  "already; see what keeps their connections open",
                  clients->guest_domid, policy->clients_max);
        clients->refused++;
        close(fd);
        return;
    }
    client->loop = clients->loop;
    client->hooks = &hooks;
    client->owner = clients;
    client->service = service;
    client->server = server;
    client->policy = policy;
    client->guest_domid = clients->guest_domid;
    client->events_lost_r = &clients->events_lost;
    clients_rename(clients, client);
    if (client_open(client, fd))
        log_guest(clients->guest_domid, LOG_LEVEL_ERROR,
                  "domain %u: QMP: lost a client: %s", clients->guest_domid, strerror(errno));
    else
        monitor_open(client);
}

struct client *clients_find(struct clients *clients,
                            struct client_ref ref)
{
    struct client *client = &clients->clients[ref.index];

    return client_is_live(client) &&
           client->ref.generation == ref.generation ? client : NULL;
}

size_t clients_count(const struct clients *clients,
                     const struct service *service)
{
    size_t n = 0;

    for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++)
        n += client_is_live(&clients->clients[i]) &&
             clients->clients[i].service == service;
    return n;
}

bool clients_take_reply(const struct clients *clients,
                        const struct client *client, size_t n)
{
    size_t total = n;

    for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++)
        total += clients->clients[i].out.len;
    return total <= WORKER_OUTPUT_TOTAL_MAX &&
           client_takes_reply(client, n);
}

void clients_put_event(struct clients *clients,
                       const struct service *service, const char *event,
                       size_t n)
{
    for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++) {
        struct client *client = &clients->clients[i];

        if (client_is_live(client) && client->service == service &&
            client->policy->events)
            client_put_event(client, event, n);
    }
}

void clients_pump(struct clients *clients)
{
    clients->first++;
    for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++) {
        struct client *client =
            &clients->clients[(clients->first + i) % WORKER_CLIENTS_MAX];

        if (client_is_live(client)) {
            monitor_greeting_known(client);
            client_pump(client);
        }
    }
}
