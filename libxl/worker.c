/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-helper's worker. Which file does what:
 *
 *   worker_console    the connection to xenconsoled: bytes
 *   worker_session    qmp_reset, greeting and negotiation with QEMU
 *   worker_mux        commands of many clients to the one QEMU
 *   worker_flight       and the table of those in flight
 *   worker_save       the barrier around a save
 *   worker_client     a client's connection, bounded
 *   worker_monitor    the QMP server that a client sees
 *   worker_toolstack  the QEMU in dom0 that libxl believes in
 *   worker_process    what a forked child must shed
 *   worker_sandbox    the rights that are given up
 *   worker            (here) the clients as a whole; start
 *
 * One thread, one loop. Calls go downwards; what comes up goes through
 * hooks, and a hook never frees a client or a command: a client that is
 * closed stays DEAD until the loop's next turn.
 */
#include "helper_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "worker_limits.h"
#include "worker_monitor.h"
#include "worker_mux.h"
#include "worker_reply.h"
#include "worker_process.h"
#include "worker_sandbox.h"
#include "worker_toolstack.h"

#define WORKER_PATH_MAX 256

struct worker;

struct worker_listener {
    struct worker *worker;
    const struct service *service;
    int fd;
    loop_id id;
};

struct worker {
    const struct worker_config *config;
    struct loop loop;
    struct mux mux;
    struct client clients[WORKER_CLIENTS_MAX];
    uint64_t next_generation;   /* 0 is nobody's */
    size_t first;               /* whose turn it is */
    struct worker_listener guest, toolstack;
    struct loop_timer reap, accept_retry;
    loop_id parent_id;
    char console_path[WORKER_PATH_MAX], control_path[WORKER_PATH_MAX];
};

static struct client *worker_client(struct worker *worker,
                                    struct client_ref ref)
{
    struct client *client = &worker->clients[ref.index];

    return client_is_live(client) &&
           client->ref.generation == ref.generation ? client : NULL;
}

static void worker_reap(void *data)
{
    struct worker *worker = data;

    for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++) {
        struct client *client = &worker->clients[i];

        if (client->state != CLIENT_DEAD)
            continue;
        mux_abandon(&worker->mux, client->ref);
        client_dispose(client);
    }
}

static void worker_client_dead(void *server)
{
    struct worker *worker = server;

    /* Without memory it waits for the next client's end. */
    loop_timer_set(&worker->loop, &worker->reap, 0, worker_reap, worker);
}

/* --- The guest's QEMU as a service ----------------------------------- */

static const char *guest_greeting(void *server, size_t *n_r, bool *oob_r)
{
    struct worker *worker = server;
    const struct qmp_buf *greeting = &worker->mux.session.greeting;

    if (!greeting->len)
        return NULL;
    *n_r = greeting->len;
    *oob_r = worker->mux.session.oob;
    return greeting->data;
}

static bool guest_has_room(void *server)
{
    struct worker *worker = server;

    return mux_has_room(&worker->mux);
}

static enum client_taken guest_execute(struct client *client,
                                       const struct qmp_message *message,
                                       const char *name)
{
    struct worker *worker = client->server;
    const char *id = qmp_span_text(message, message->id);
    char desc[256];

    if (!strcmp(name, "add-fd") || !strcmp(name, "getfd")) {
        if (client->in_flight && !message->oob)
            return CLIENT_LATER;
        snprintf(desc, sizeof(desc), "%s is not possible: a file "
                 "descriptor can't be passed to QEMU in the stubdomain of "
                 "domain %u", name, worker->config->guest_domid);
        client_put_error(client, QMP_GENERIC_ERROR, desc, id,
                         message->id.len);
        return CLIENT_TAKEN;
    }
    client->in_flight++;
    if (mux_submit(&worker->mux, client->ref, message, name)) {
        client->in_flight--;
        client_put_error(client, QMP_GENERIC_ERROR, "qmp-helper is out of "
                         "memory; the command was not sent", id,
                         message->id.len);
    }
    return CLIENT_TAKEN;
}

static void guest_reset(struct client *client)
{
    struct worker *worker = client->server;

    mux_abandon(&worker->mux, client->ref);
    client->ref.generation = worker->next_generation++;
    client->in_flight = 0;
}

/* --- What the mux has for clients ------------------------------------ */

static bool worker_takes_reply(struct worker *worker,
                               const struct client *client, size_t n)
{
    size_t total = n;

    for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++)
        total += worker->clients[i].out.len;
    return total <= WORKER_OUTPUT_TOTAL_MAX &&
           client_takes_reply(client, n);
}

static void worker_reply(void *data, struct client_ref ref,
                         const char *line, size_t len, const char *id,
                         size_t n)
{
    struct worker *worker = data;
    struct client *client = worker_client(worker, ref);
    char desc[256];

    if (!client)
        return;
    client->in_flight--;
    if (worker_takes_reply(worker, client, len)) {
        client_put(client, line, len);
        return;
    }
    snprintf(desc, sizeof(desc), "QEMU's reply of %zu bytes was dropped: "
             "too much waits to be read already; the command has been "
             "executed", len);
    client_put_error(client, QMP_GENERIC_ERROR, desc, id, n);
}

static void worker_failure(void *data, struct client_ref ref,
                           const char *desc, const char *id, size_t n)
{
    struct client *client = worker_client(data, ref);

    if (!client)
        return;
    client->in_flight--;
    client_put_error(client, QMP_GENERIC_ERROR, desc, id, n);
}

static void worker_event(void *data, const struct qmp_message *event)
{
    struct worker *worker = data;

    for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++) {
        struct client *client = &worker->clients[i];

        if (client_is_live(client) &&
            client->service == worker->guest.service)
            client_put_event(client, event->text, event->len);
    }
}

/* Each time another client comes first. */
static void worker_room(void *data)
{
    struct worker *worker = data;

    worker->first++;
    for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++) {
        struct client *client = &worker->clients[(worker->first + i) %
                                                 WORKER_CLIENTS_MAX];

        if (client_is_live(client)) {
            monitor_greeting_known(client);
            client_pump(client);
        }
    }
}

/* --- Listening ------------------------------------------------------- */

static void worker_add_client(struct worker_listener *listener, int fd)
{
    struct worker *worker = listener->worker;
    struct client *client = NULL;

    for (unsigned int i = 0; i < WORKER_CLIENTS_MAX && !client; i++) {
        if (worker->clients[i].state != CLIENT_FREE)
            continue;
        client = &worker->clients[i];
        client->ref.index = i;
    }
    if (!client) {
        log_guest(LOG_LEVEL_WARN, "domain %u: QMP: refused a client: "
                  "there are %d already; see what keeps their "
                  "connections open",
                  worker->config->guest_domid, WORKER_CLIENTS_MAX);
        close(fd);
        return;
    }
    client->loop = &worker->loop;
    client->service = listener->service;
    client->server = worker;
    client->ref.generation = worker->next_generation++;
    if (client_open(client, fd))
        log_guest(LOG_LEVEL_ERROR, "domain %u: QMP: lost a client: %s",
                  worker->config->guest_domid, strerror(errno));
    else
        monitor_open(client);
}

static void worker_listen_again(void *data)
{
    struct worker *worker = data;

    loop_mod(&worker->loop, worker->guest.id, EPOLLIN);
    loop_mod(&worker->loop, worker->toolstack.id, EPOLLIN);
}

static void worker_accept(void *data, uint32_t events)
{
    struct worker_listener *listener = data;
    struct worker *worker = listener->worker;
    int fd = accept4(listener->fd, NULL, NULL,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd >= 0) {
        worker_add_client(listener, fd);
        return;
    }
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return;
    log_guest(LOG_LEVEL_ERROR, "domain %u: QMP: can't accept a client: %s",
              worker->config->guest_domid, strerror(errno));
    loop_mod(&worker->loop, listener->id, 0);
    loop_timer_set(&worker->loop, &worker->accept_retry,
                   WORKER_ACCEPT_RETRY_MS, worker_listen_again, worker);
}

static int worker_listen(struct worker *worker,
                         struct worker_listener *listener, int fd,
                         const struct service *service)
{
    listener->worker = worker;
    listener->service = service;
    listener->fd = fd;
    if (fd < 0)
        return 0;
    return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) ||
           loop_add(&worker->loop, fd, EPOLLIN, worker_accept, listener,
                    &listener->id) ? -1 : 0;
}

/* --- Start ----------------------------------------------------------- */

static void worker_parent_died(void *data, uint32_t events)
{
    struct worker *worker = data;

    (void)events;
    log_error("domain %u: qmp-helper has died; its worker ends",
              worker->config->guest_domid);
    loop_stop(&worker->loop);
}

static int worker_watch_parent(struct worker *worker)
{
    int parent = process_open_parent(worker->config);

    return parent < 0 ||
           loop_add(&worker->loop, parent, EPOLLIN, worker_parent_died,
                    worker, &worker->parent_id) ? -1 : 0;
}

static int worker_paths(struct worker *worker)
{
    const struct worker_config *config = worker->config;
    const char *root = config->sandbox ? "" : config->root;
    int n, m;

    if (!config->console)
        return 0;
    n = snprintf(worker->console_path, WORKER_PATH_MAX, "%s%s", root,
                 config->console);
    m = snprintf(worker->control_path, WORKER_PATH_MAX, "%s%s.ctl", root,
                 config->console);
    errno = ENAMETOOLONG;
    return n < WORKER_PATH_MAX && m < WORKER_PATH_MAX ? 0 : -1;
}

static int worker_start(struct worker *worker)
{
    static const struct service guest = {
        .greeting = guest_greeting, .has_room = guest_has_room,
        .execute = guest_execute, .reset = guest_reset,
        .dead = worker_client_dead,
    };
    static const struct service toolstack = {
        .greeting = toolstack_greeting, .has_room = toolstack_has_room,
        .execute = toolstack_execute, .reset = toolstack_reset,
        .dead = worker_client_dead,
    };
    static const struct mux_hooks hooks = {
        .reply = worker_reply, .failure = worker_failure,
        .event = worker_event, .room = worker_room,
    };
    const struct worker_config *config = worker->config;

    worker->next_generation = 1;
    worker->mux = (struct mux){
        .loop = &worker->loop, .guest_domid = config->guest_domid,
        .dm_domid = config->dm_domid,
        .console_path = worker->console_path,
        .control_path = worker->control_path,
        .hooks = &hooks, .data = worker,
    };
    return (config->console && mux_init(&worker->mux)) ||
           worker_listen(worker, &worker->guest, config->listen_fd,
                         &guest) ||
           worker_listen(worker, &worker->toolstack, config->toolstack_fd,
                         &toolstack) ? -1 : 0;
}

int worker_run(const struct worker_config *config)
{
    static struct worker worker;

    worker.config = config;
    if (worker_paths(&worker) || process_become_own(config) ||
        loop_init(&worker.loop) || worker_watch_parent(&worker) ||
        worker_start(&worker)) {
        log_error("domain %u: qmp-helper's worker can't start: %s",
                  config->guest_domid, strerror(errno));
        return 1;
    }
    if (config->sandbox && sandbox_enter(config))
        return 1;
    loop_run(&worker.loop);
    return 1;
}
