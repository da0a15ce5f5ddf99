/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-helper's worker. Which file does what:
 *
 *   session    qmp_reset, greeting and negotiation with QEMU
 *   mux        commands of many clients to the one QEMU
 *   flight       and the table of those in flight
 *   save       the barrier around a save
 *   client     a client's connection, bounded
 *   clients    all of them
 *   monitor    the QMP server that a client sees
 *   policy     what the clients of a socket may do
 *   listener   that socket
 *   pace       how often something may happen there
 *   guest      the guest's QEMU, for clients
 *   toolstack  the QEMU in dom0 that libxl believes in
 *   worker     (here) start
 *
 * One thread, one loop. Calls go downwards; what comes up goes through
 * hooks, and a hook never frees a client or a command.
 */
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "libxl/child/process.h"
#include "libxl/child/sandbox.h"
#include "tools/common/log.h"
#include "guest.h"
#include "listener.h"
#include "policy.h"
#include "toolstack.h"

#define WORKER_PATH_MAX 256

struct worker {
    const struct worker_config *config;
    struct loop loop;
    struct clients clients;
    struct guest guest;
    struct listener full, toolstack, lesser[WORKER_SOCKETS_MAX];
    struct policy policies[WORKER_SOCKETS_MAX];
    loop_id parent_id, news_id;
    struct loop_timer alone;
    bool is_lost;               /* the console, when last looked at */
    char console_path[WORKER_PATH_MAX], control_path[WORKER_PATH_MAX];
};

/* Ends with its console, that is, with its domain; not while xenconsoled is
 * restarted. */
static void worker_look(void *data)
{
    struct worker *worker = data;
    bool was_lost = worker->is_lost;

    worker->is_lost =
        !console_is_connected(&worker->guest.mux.session.console);
    if ((was_lost && worker->is_lost) ||
        loop_timer_set(&worker->loop, &worker->alone, WORKER_LOOK_MS,
                       worker_look, worker))
        loop_stop(&worker->loop);
}

/* A save or a migration is not to be left halfway: libxl cannot let a guest
 * go on without QMP. */
static void worker_parent_died(void *data, uint32_t events)
{
    struct worker *worker = data;

    (void)events;
    loop_del(&worker->loop, &worker->parent_id);
    if (!worker->config->console) {
        log_error("domain %u: qmp-helper was killed; its worker ends",
                  worker->config->child.guest_domid);
        loop_stop(&worker->loop);
        return;
    }
    log_error("domain %u: qmp-helper was killed; its worker goes on, and "
              "nothing starts it again if it ends",
              worker->config->child.guest_domid);
    worker_look(worker);
}

/* How the stubdomain is. A parent that is gone tells nothing more. */
static void worker_news(void *data, uint32_t events)
{
    struct worker *worker = data;
    enum stubdom_state state;
    unsigned char byte;

    (void)events;
    if (recv(worker->config->child.parent_fd, &byte, 1, MSG_DONTWAIT) != 1) {
        loop_del(&worker->loop, &worker->news_id);
        return;
    }
    state = (enum stubdom_state)byte;
    if (worker->config->console)
        guest_stubdom(&worker->guest, state);
    if (state == STUBDOM_DESTROYED)
        loop_stop(&worker->loop);
}

/* What the answer is will be news. */
static void worker_ask(void *data)
{
    const struct worker *worker = data;

    if (worker->news_id != LOOP_NONE)
        send(worker->config->child.parent_fd, "?", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int worker_watch_parent(struct worker *worker)
{
    int parent = process_open_parent(&worker->config->child);

    return parent < 0 ||
           loop_add(&worker->loop, parent, EPOLLIN, worker_parent_died,
                    worker, &worker->parent_id) ||
           (worker->config->child.parent_fd &&
            loop_add(&worker->loop, worker->config->child.parent_fd, EPOLLIN,
                     worker_news, worker, &worker->news_id)) ? -1 : 0;
}

static int worker_paths(struct worker *worker)
{
    const struct worker_config *config = worker->config;
    const char *root = config->child.sandbox ? "" : config->child.root;
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

static int worker_connect(struct worker *worker)
{
    worker->clients.loop = &worker->loop;
    worker->clients.guest_domid = worker->config->child.guest_domid;
    clients_init(&worker->clients);
    worker->guest = (struct guest){
        .clients = &worker->clients,
        .guest_domid = worker->config->child.guest_domid,
        .display = worker->config->display,
        .dm_domid = worker->config->child.dm_domid,
        .console_path = worker->console_path,
        .control_path = worker->control_path,
        .ask = worker_ask, .data = worker,
    };
    return worker->config->console ? guest_init(&worker->guest) : 0;
}

/* fd -1: there is no such socket. */
static int worker_listen_at(struct worker *worker,
                            struct listener *listener, int fd,
                            const struct policy *policy)
{
    bool toolstack = listener == &worker->toolstack;

    *listener = (struct listener){
        .clients = &worker->clients, .fd = fd, .policy = policy,
        .service = toolstack ? &toolstack_service : &guest_service,
        .server = &worker->guest,
    };
    if (toolstack)
        listener->server = (void *)(uintptr_t)&worker->config->vnc;
    return fd < 0 ? 0 : listener_init(listener);
}

static int worker_listen(struct worker *worker)
{
    const struct worker_config *config = worker->config;
    int r = worker_listen_at(worker, &worker->full, config->listen_fd,
                             &policy_full);

    if (!r)
        r = worker_listen_at(worker, &worker->toolstack,
                             config->toolstack_fd, &policy_full);
    for (size_t i = 0; !r && i < config->sockets_n; i++) {
        policy_init(&worker->policies[i], &config->sockets[i]);
        r = worker_listen_at(worker, &worker->lesser[i],
                             config->sockets[i].fd, &worker->policies[i]);
    }
    return r;
}

static int worker_keep(const struct worker_config *config)
{
    int fds[2 + WORKER_SOCKETS_MAX] = {
        config->listen_fd, config->toolstack_fd,
    };
    size_t n = 2;

    for (size_t i = 0; i < config->sockets_n; i++)
        fds[n++] = config->sockets[i].fd;
    return process_become_own(&config->child, fds, n);
}

int worker_run(const struct worker_config *config)
{
    static const struct sandbox_limits limits = {
        .descriptors = WORKER_DESCRIPTORS_MAX, .memory = WORKER_MEMORY_MAX,
    };
    static struct worker worker;

    worker.config = config;
    if (worker_paths(&worker) || worker_keep(config) ||
        loop_init(&worker.loop) || worker_watch_parent(&worker) ||
        worker_connect(&worker) || worker_listen(&worker)) {
        log_error("domain %u: qmp-helper's worker can't start: %s",
                  config->child.guest_domid, strerror(errno));
        return 1;
    }
    if (config->child.sandbox && sandbox_enter(&config->child, &limits))
        return 1;
    loop_run(&worker.loop);
    return 1;
}
