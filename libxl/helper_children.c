/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helper_children.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

/* A worker that can't run is tried again after 0, 500, 1000 ... ms: a
 * mistake of ours must not take a processor. */
#define RESTART_FIRST_MS 500
#define RESTART_LAST_MS  10000
#define WORKER_END_MS    5000

static void worker_restart(void *data)
{
    struct children *children = data;
    const struct worker_config *config = children->worker_config;

    children->worker_began_ms = loop_now_ms();
    children->worker = fork();
    if (children->worker == 0) {
        log_divert(NULL);       /* to what it is about to close */
        _exit(worker_run(config));
    }
    if (children->worker < 0) {
        children->worker = 0;
        log_error("domain %u: cannot start its QMP worker: %s",
                  config->guest_domid, strerror(errno));
        loop_timer_set(children->loop, &children->restart, RESTART_LAST_MS,
                       worker_restart, children);
    }
}

void children_start_worker(struct children *children)
{
    worker_restart(children);
}

static void worker_ended(struct children *children, int status)
{
    const struct worker_config *config = children->worker_config;

    children->worker = 0;
    if (children->ending)
        return;
    if (loop_now_ms() - children->worker_began_ms > RESTART_LAST_MS)
        children->restart_ms = 0;
    log_guest(config->guest_domid, LOG_LEVEL_ERROR,
              "domain %u: the QMP worker ended (%s %d) and is started "
              "again", config->guest_domid,
              WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    loop_timer_set(children->loop, &children->restart, children->restart_ms,
                   worker_restart, children);
    children->restart_ms = children->restart_ms ? 2 * children->restart_ms :
                           RESTART_FIRST_MS;
    if (children->restart_ms > RESTART_LAST_MS)
        children->restart_ms = RESTART_LAST_MS;
}

void children_reap(struct children *children)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == children->worker)
            worker_ended(children, status);
}

void children_end(struct children *children)
{
    if (children->ending)
        return;
    children->ending = true;
    loop_timer_clear(children->loop, &children->restart);
    /* The worker has nothing to put in order. */
    if (children->worker)
        kill(children->worker, SIGKILL);
}

void children_wait(struct children *children)
{
    pid_t pid = children->worker;
    struct pollfd gone = { .events = POLLIN };

    if (!pid)
        return;
    /* It was not reaped: the pid can't be another's. */
    gone.fd = pidfd_open(pid, 0);
    if (gone.fd < 0 || poll(&gone, 1, WORKER_END_MS) <= 0)
        kill(pid, SIGKILL);
    if (gone.fd >= 0)
        close(gone.fd);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    children->worker = 0;
}
