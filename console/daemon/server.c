/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server.h"

#include "console/output/fdstore.h"
#include "console/guest/flow.h"
#include "console/guest/frontend.h"
#include "tools/common/consoled_socket.h"
#include "tools/common/log.h"
#include "privileges.h"
#include "requests.h"
#include "console/xen/store.h"
#include "console/guest/toolstack.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* By this libxl knows that we serve more than the primary console. */
#define FEATURE "/tool/xenconsoled/feature-secondary-consoles"

/* More than xenstored sends in a turn, so that none pile up. */
#define SERVER_WATCH_BATCH 1024
/* Of Xen's log at a time. */
#define SERVER_HV_CHUNK    16384

/* One turn for each console that is in the queue now. */
static void ready_run(struct server *server)
{
    struct console_queue now = TAILQ_HEAD_INITIALIZER(now);
    struct console *c;

    TAILQ_CONCAT(&now, &server->backend.ready, ready);
    while ((c = TAILQ_FIRST(&now))) {
        TAILQ_REMOVE(&now, c, ready);
        c->is_ready = false;
        if (!flow_turn(c))
            frontend_park(c);
    }
}

/* Copies what is new in Xen's log to hypervisor.log; what there is no room
 * for now waits in Xen's buffer. */
static void hv_log_copy(struct server *server)
{
    char bytes[SERVER_HV_CHUNK];
    size_t n = sizeof(bytes);

    while (n == sizeof(bytes) &&
           logger_queued(server->hv_log) + n <= LOGGER_QUEUE_MAX) {
        n = hv_console_read(server->backend.hv, bytes, sizeof(bytes));
        logger_queue(server->hv_log, bytes, n);
    }
    server->hv_log_more = n == sizeof(bytes);
}

static void hv_log_written(void *data, enum logger_event event,
                           size_t written, size_t lost)
{
    struct server *server = data;

    (void)event, (void)written, (void)lost;
    if (server->hv_log_more)
        hv_log_copy(server);
}

/* Ends, for whoever looks after us to start another at once. */
static void server_fail(struct server *server)
{
    server->failed = true;
    server->backend.stop = server->backend.restarts = true;
}

static void hv_event(void *data, uint32_t events)
{
    struct server *server = data;
    uint32_t ports[HV_PORTS_MAX];
    ssize_t n;

    (void)events;
    do {
        n = hv_pending(server->backend.hv, ports);
        if (n < 0 && !server->failed) {
            log_error("cannot read event channels: %s; xenconsoled ends, and "
                      "leaves the rings as they are to the next",
                      strerror(errno));
            server_fail(server);
        }
        for (ssize_t i = 0; i < n; i++) {
            void *owner = hv_port_data(server->backend.hv, ports[i]);

            if (owner == server) {
                hv_log_copy(server);
                hv_unmask(server->backend.hv, server->hv_port);
            } else if (owner) {
                flow_event(owner);
            }
        }
    } while (n == HV_PORTS_MAX);
}

/* To serve on without it would be to serve nobody new, unsaid. */
static void xenstore_lost(struct server *server, const char *why)
{
    if (server->failed)
        return;
    log_error("lost xenstore: %s; xenconsoled ends, and leaves the rings as "
              "they are to the next: start xenstored, then xenconsoled",
              why);
    server_fail(server);
}

static void life_event(void *data, uint32_t events)
{
    (void)events;
    xenstore_lost(data, "xenstored has ended");
}

static void xs_event(void *data, uint32_t events)
{
    struct server *server = data;
    char **watch;

    (void)events;
    for (int i = 0; i < SERVER_WATCH_BATCH; i++) {
        watch = xs_check_watch(server->backend.xs);
        if (!watch)
            break;
        domains_event(&server->domains, watch[XS_WATCH_PATH],
                      watch[XS_WATCH_TOKEN]);
        free(watch);
    }
    if (!watch && errno != EAGAIN && errno != EINTR)
        xenstore_lost(server, strerror(errno));
}

static void logs_reopen(struct console *c, void *data)
{
    (void)data;
    toolstack_reopen_logs(c);
}

static void signal_event(void *data, uint32_t events)
{
    struct server *server = data;
    struct signalfd_siginfo info;

    (void)events;
    while (read(server->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo != SIGHUP) {
            server->backend.stop = true;
            server->backend.restarts = info.ssi_signo == SIGINT;
            continue;
        }
        if (server->hv_log)
            logger_reopen(server->hv_log);
        domains_each(&server->domains, logs_reopen, NULL);
    }
}

static void server_lead(void *data)
{
    struct server *server = data;

    while (!server->backend.stop) {
        /* One batch from epoll, a little of what is to be read from
         * xenstore, the consoles that are ready, then the files: no kind of
         * work waits for another to run dry. */
        bool busy = !TAILQ_EMPTY(&server->backend.ready) ||
                    domains_is_pending(&server->domains) ||
                    lanes_is_pending(&server->backend.lanes);

        if (loop_run_once(&server->backend.loop, busy ? 0 : -1)) {
            log_error("cannot wait for events: %s; xenconsoled ends",
                      strerror(errno));
            server_fail(server);
            break;
        }
        domains_turn(&server->domains);
        ready_run(server);
        if (!lanes_run(&server->backend.lanes))
            return;
    }
    exit(server->finish());
}

static int signals_init(struct server *server)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &signals, NULL))
        return -1;
    server->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (server->signal_fd < 0)
        return -1;
    return loop_add(&server->backend.loop, server->signal_fd, EPOLLIN,
                    signal_event, server, &server->signal_id);
}

static int hv_log_init(struct server *server)
{
    const struct options *options = server->backend.options;
    char path[PATH_MAX];

    if (!options->log_hv)
        return 0;
    snprintf(path, sizeof(path), "%s/hypervisor.log", options->log_dir);
    /* A missing directory is no reason to serve nobody; SIGHUP tries
     * again. */
    server->hv_log = logger_open(&server->backend.lanes, path,
                                 options->time_hv, options->replace_escape,
                                 hv_log_written, server);
    if (!server->hv_log)
        return -1;
    server->hv_port = hv_bind_console_virq(server->backend.hv, server);
    if (server->hv_port < 0) {
        log_error("cannot bind VIRQ_CON_RING for %s: %s; is another "
                  "xenconsoled running?", path, strerror(errno));
        return -1;
    }
    hv_log_copy(server);
    hv_unmask(server->backend.hv, server->hv_port);
    return 0;
}

static void host_socket_failed(void *data, int error)
{
    (void)data;
    errno = error;
    log_error("cannot listen on " CONSOLED_SOCKET ": %s; is /run/xen there?",
              strerror(errno));
}

static int host_socket_init(struct server *server)
{
    static const struct control_ops ops = {
        .answer = requests_host, .take = requests_take,
    };

    if (listener_is_served(CONSOLED_SOCKET)) {
        log_error("another xenconsoled serves " CONSOLED_SOCKET "; end that "
                  "one first");
        return -1;
    }
    server->control.failed = host_socket_failed;
    if (control_open(&server->control, &server->backend.loop,
                     &server->backend.lanes,
                     CONSOLED_SOCKET, 0, 0, &ops, &server->domains)) {
        host_socket_failed(server, errno);
        return -1;
    }
    /* Nobody is served yet who could be held up. */
    while (lanes_is_pending(&server->backend.lanes))
        lanes_run(&server->backend.lanes);
    return control_is_open(&server->control) ? 0 : -1;
}

static int records_init(void)
{
    if (!record_init(RECORD_FOLDER))
        return 0;
    log_error("cannot make " RECORD_FOLDER ": %s; is /run writable, and "
              "/run/xen there?", strerror(errno));
    return -1;
}

/* Last, and taken back first: who asks is served. */
static int feature_announce(struct server *server)
{
    if (xs_write(server->backend.xs, XBT_NULL, FEATURE, "1", 1)) {
        server->announced = true;
        return 0;
    }
    log_error("cannot write " FEATURE " to xenstore: %s; is this dom0?",
              strerror(errno));
    return -1;
}

static void feature_withdraw(struct server *server)
{
    if (server->announced && !server->failed)
        xs_rm(server->backend.xs, XBT_NULL, FEATURE);
}

int server_init(struct server *server, const struct options *options)
{
    static const struct backend_control control = {
        .ops = { .answer = requests_console, .gone = requests_gone },
        .ask_again = requests_ask_again,
    };
    struct backend *b = &server->backend;

    *server = (struct server){
        .backend = { .options = options, .control = &control },
        .hv_port = -1, .signal_fd = -1, .life_fd = -1,
    };
    TAILQ_INIT(&b->ready);
    control_init(&server->control);
    lanes_init(&b->lanes, &server->crew);

    if (loop_init(&b->loop) || signals_init(server) ||
        crew_init(&server->crew, &b->loop, server_lead, server)) {
        log_error("cannot start: %s", strerror(errno));
        return -1;
    }
    b->xs = xs_open(0);
    if (!b->xs) {
        log_error("cannot connect to xenstore: %s; is xenstored running?",
                  strerror(errno));
        return -1;
    }
    b->hv = hv_open(&server->other_xen);
    if (!b->hv || host_socket_init(server) || hv_log_init(server) ||
        records_init())
        return -1;
    server->life_fd = store_life_open();
    /* xs_fileno() makes a pipe, which the filter would not let it. */
    if (loop_add(&b->loop, hv_fd(b->hv), EPOLLIN, hv_event,
                 server, &server->hv_id) ||
        loop_add(&b->loop, xs_fileno(b->xs), EPOLLIN, xs_event,
                 server, &server->xs_id) ||
        (server->life_fd >= 0 && loop_add(&b->loop, server->life_fd, 0,
                                          life_event, server,
                                          &server->life_id))) {
        log_error("cannot start: %s", strerror(errno));
        return -1;
    }
    return privileges_drop_capabilities() || privileges_filter(false) ||
           domains_init(&server->domains, b) || feature_announce(server) ?
           -1 : 0;
}

void server_run(struct server *server, int (*finish)(void))
{
    server->finish = finish;
    supervisor_ready(&server->supervisor, &server->backend.loop);
    crew_run(&server->crew);
}

static void console_settle(struct console *c, void *data)
{
    (void)data;
    flow_settle(c);
}

/* Whether all is at rest: each ring's counter says exactly what its file
 * has, whoever changes that before the next daemon starts. */
static void consoles_leave(struct server *server)
{
    lanes_finish(&server->backend.lanes);
    domains_each(&server->domains, console_settle, NULL);
    domains_dispose(&server->domains);
    control_dispose(&server->control);
    logger_close(server->hv_log);
    lanes_finish(&server->backend.lanes);
}

void server_dispose(struct server *server)
{
    supervisor_stopping(&server->supervisor);
    feature_withdraw(server);
    fdstore_freeze();
    record_freeze();
    if (server->backend.lanes.crew)
        consoles_leave(server);
    hv_close(server->backend.hv);
    /* Not xs_close(): it cancels libxenstore's thread, for which libc would
     * load libgcc_s, which the filter would not let it. The process ends. */
    if (server->signal_fd >= 0)
        close(server->signal_fd);
    loop_dispose(&server->backend.loop);
}
