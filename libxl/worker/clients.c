/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client that is closed stays DEAD in its place until the loop's next
 * turn, for whoever called may still be working on what it said. Its
 * generation ends with it: what is left in flight finds nobody.
 *
 * Each client's buffers are bounded by worker/client.c; here it is seen to
 * that all of them together don't get as large as they could.
 *
 * Each socket has places of its own. At one for fewer commands nobody can
 * keep them: when all are taken a newcomer gets that of the client who has
 * been idle for longest, if that is long, or if its user has at least two
 * more than the newcomer's.
 */
#include "clients.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/common/log.h"
#include "monitor.h"

static void clients_reap(void *data)
{
    struct clients *clients = data;

    for (size_t i = 0; i < WORKER_PLACES_MAX; i++) {
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

    for (size_t i = 0; i < WORKER_PLACES_MAX; i++)
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

/* How many clients of that policy a user has. */
static size_t clients_of(const struct clients *clients,
                         const struct policy *policy, uid_t uid)
{
    size_t n = 0;

    for (size_t i = 0; i < WORKER_PLACES_MAX; i++)
        n += client_is_live(&clients->clients[i]) &&
             clients->clients[i].policy == policy &&
             clients->clients[i].uid == uid;
    return n;
}

/* Who has to leave if that user needs one more place: the longest idle of
 * all, or of those of whoever has the most. NULL: nobody. */
static struct client *clients_leaver(struct clients *clients,
                                     const struct policy *policy,
                                     uid_t uid)
{
    struct client *idlest = NULL, *of_most = NULL;
    size_t most = clients_of(clients, policy, uid) + 1;

    for (size_t i = 0; i < WORKER_PLACES_MAX; i++) {
        struct client *client = &clients->clients[i];
        size_t n;

        if (!client_is_live(client) || client->policy != policy)
            continue;
        if (!idlest || client->active_ms < idlest->active_ms)
            idlest = client;
        n = clients_of(clients, policy, client->uid);
        if (n > most || (of_most && n == most &&
                         client->active_ms < of_most->active_ms)) {
            of_most = client;
            most = n;
        }
    }
    return idlest &&
           loop_now_ms() - idlest->active_ms > WORKER_LESSER_IDLE_MS ?
           idlest : of_most;
}

/* A free place, if there may be one more of that policy. The others are not
 * written to: memory that was never needed is none. */
static struct client *clients_place(struct clients *clients,
                                    const struct policy *policy)
{
    struct client *place = NULL;
    size_t n = 0;

    for (unsigned int i = WORKER_PLACES_MAX; i-- > 0; ) {
        struct client *client = &clients->clients[i];

        if (client->state == CLIENT_FREE)
            place = client;
        else
            n += client->policy == policy;
    }
    if (!place || n >= policy->clients_max)
        return NULL;
    place->ref.index = (unsigned int)(place - clients->clients);
    return place;
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
        .message = monitor_message, .dead = clients_dead,
        .crowded = clients_crowded,
    };
    struct ucred peer = { .pid = 0, .uid = (uid_t)-1 };
    socklen_t size = sizeof(peer);
    struct client *client = clients_place(clients, policy), *leaver;

    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    if (!client && policy->share != FLIGHT_FULL) {
        leaver = clients_leaver(clients, policy, peer.uid);
        if (leaver)
            client_close(leaver, "another needs its place");
        /* Nobody works on what a client said: this is the listener's. */
        clients_reap(clients);
        client = clients_place(clients, policy);
    }
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
    client->uid = peer.uid;
    client->pid = peer.pid;
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

    for (size_t i = 0; i < WORKER_PLACES_MAX; i++)
        n += client_is_live(&clients->clients[i]) &&
             clients->clients[i].service == service;
    return n;
}

bool clients_take_reply(const struct clients *clients,
                        const struct client *client, size_t n)
{
    bool lesser = client->policy->share != FLIGHT_FULL;
    size_t total = n;

    for (size_t i = 0; i < WORKER_PLACES_MAX; i++) {
        const struct client *other = &clients->clients[i];

        if (other->state != CLIENT_FREE &&
            (other->policy->share != FLIGHT_FULL) == lesser)
            total += other->out.len;
    }
    return total <= (lesser ? WORKER_LESSER_OUTPUT_TOTAL_MAX :
                              WORKER_OUTPUT_TOTAL_MAX) &&
           client_takes_reply(client, n);
}

void clients_put_event(struct clients *clients,
                       const struct service *service, const char *event,
                       size_t n)
{
    for (size_t i = 0; i < WORKER_PLACES_MAX; i++) {
        struct client *client = &clients->clients[i];

        if (client_is_live(client) && client->service == service &&
            client->policy->events)
            client_put_event(client, event, n);
    }
}

void clients_pump(struct clients *clients)
{
    clients->first++;
    for (size_t i = 0; i < WORKER_PLACES_MAX; i++) {
        struct client *client =
            &clients->clients[(clients->first + i) % WORKER_PLACES_MAX];

        if (client_is_live(client)) {
            monitor_greeting_known(client);
            client_pump(client);
        }
    }
}
