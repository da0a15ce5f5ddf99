/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All clients, and what counts for them together. */
#ifndef XENQMP_LIBXL_WORKER_CLIENTS_H
#define XENQMP_LIBXL_WORKER_CLIENTS_H

#include "client.h"
#include "limits.h"

struct clients {
    /* the caller sets */
    struct loop *loop;
    uint32_t guest_domid;       /* for log lines */
    /* readable */
    uint64_t refused;           /* clients, since the worker was started */
    uint64_t events_lost;       /* that clients did not read in time */
    /* private */
    struct client clients[WORKER_PLACES_MAX];
    uint64_t next_generation;
    size_t first;               /* whose turn it is */
    struct loop_timer reap;
};

/* After the caller's fields were set. */
void clients_init(struct clients *clients);

/* Greets a new client at fd, which it takes over; or refuses it. */
void clients_add(struct clients *clients, int fd,
                 const struct service *service, void *server,
                 const struct policy *policy);
/* NULL: it has gone. */
struct client *clients_find(struct clients *clients,
                            struct client_ref ref);
/* The client, with nothing in flight, gets another name. */
void clients_rename(struct clients *clients, struct client *client);
/* How many there are of that service. */
size_t clients_count(const struct clients *clients,
                     const struct service *service);
/* True if a reply of n bytes can be kept for the client. */
bool clients_take_reply(const struct clients *clients,
                        const struct client *client, size_t n);
/* To all of that service that may have it. */
void clients_put_event(struct clients *clients,
                       const struct service *service, const char *event,
                       size_t n);
/* There's room for commands again, or the greeting is known: each time
 * another client comes first. */
void clients_pump(struct clients *clients);

#endif
