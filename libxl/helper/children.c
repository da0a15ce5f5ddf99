/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/common/log.h"

/* A worker that can't run is tried again after 0, 500, 1000 ... ms: a
 * mistake of ours must not take a processor. */
#define RESTART_FIRST_MS 500
#define RESTART_LAST_MS  10000
#define WORKER_END_MS    5000
/* A worker in others' hands asks without end. */
#define ASK_GAP_MS       50

static void worker_may_ask(void *data)
{
    struct children *children = data;

    loop_mod(children->loop, children->worker_id, EPOLLIN);
}

/* What it sends is a question, whatever it is. */
static void worker_asks(void *data, uint32_t events)
{
    struct children *children = data;
    char bytes[16];

    (void)events;
    if (recv(children->worker_fd, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0) {
        loop_del(children->loop, &children->worker_id);
        return;
    }
    loop_mod(children->loop, children->worker_id, 0);
    if (loop_timer_set(children->loop, &children->ask, ASK_GAP_MS,
                       worker_may_ask, children))
        loop_del(children->loop, &children->worker_id);
    if (children->asked)
        children->asked(children->data);        /* must be last */
}

void children_tell(struct children *children, enum stubdom_state state)
{
    char byte = (char)state;

    children->state = state;
    /* One that has no room for it takes nothing at all any more. */
    if (children->worker)
        send(children->worker_fd, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int worker_fork(struct children *children)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return -1;
    children->config->parent_fd = ends[1];
    children->worker = fork();
    if (children->worker == 0) {
        log_divert(NULL);       /* to what it is about to close */
        _exit(children->run(children->run_data));
    }
    close(ends[1]);
    if (children->worker < 0) {
        children->worker = 0;
        close(ends[0]);
        return -1;
    }
    children->worker_fd = ends[0];
    /* Without memory it asks in vain. */
    (void)loop_add(children->loop, ends[0], EPOLLIN, worker_asks, children,
                   &children->worker_id);
    children_tell(children, children->state);
    return 0;
}

static void worker_restart(void *data)
{
    struct children *children = data;

    if (!children->may_start || children->may_start(children->data)) {
        children->worker_began_ms = loop_now_ms();
        if (!worker_fork(children))
            return;
        log_error("domain %u: cannot start its %s: %s",
                  children->config->guest_domid, children->config->name,
                  strerror(errno));
    }
    loop_timer_set(children->loop, &children->restart, RESTART_LAST_MS,
                   worker_restart, children);
}

/* From the worker, which is not believed. */
#define REFUSED_A_TURN 16
#define REFUSED_GAP_MS 50

static void refused_heard(void *data)
{
    struct children *children = data;

    loop_mod(children->loop, children->refused_id, EPOLLIN);
}

static void refused_ready(void *data, uint32_t events)
{
    struct children *children = data;
    uint32_t guest = children->config->guest_domid;
    char *name;
    int call;

    (void)events;
    for (int i = 0; i < REFUSED_A_TURN &&
         read(children->refused_fds[0], &call, sizeof(call)) == sizeof(call);
         i++) {
        name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
        log_guest(guest, LOG_LEVEL_ERROR, "domain %u: the %s's sandbox "
                  "refused it the system call %s (%d); if something does "
                  "not work, report this with the version of libc", guest,
                  children->config->name, name ? name : "that has no name",
                  call);
        free(name);
    }
    if (!loop_timer_set(children->loop, &children->refused, REFUSED_GAP_MS,
                        refused_heard, children))
        loop_mod(children->loop, children->refused_id, 0);
}

/* Without it the worker does as well. */
static void refused_open(struct children *children)
{
    int *fds = children->refused_fds;

    children->config->refused_fd = -1;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
        return;
    if (loop_add(children->loop, fds[0], EPOLLIN, refused_ready, children,
                 &children->refused_id)) {
        close(fds[0]);
        close(fds[1]);
        return;
    }
    children->config->refused_fd = fds[1];
}

static void refused_close(struct children *children)
{
    if (children->refused_id == LOOP_NONE)
        return;
    loop_timer_clear(children->loop, &children->refused);
    loop_del(children->loop, &children->refused_id);
    close(children->refused_fds[0]);
    close(children->refused_fds[1]);
    children->config->refused_fd = -1;
}

void children_start_worker(struct children *children)
{
    refused_open(children);
    worker_restart(children);
}

static void worker_forget(struct children *children)
{
    children->worker = 0;
    loop_timer_clear(children->loop, &children->ask);
    loop_del(children->loop, &children->worker_id);
    close(children->worker_fd);
}

static void worker_ended(struct children *children, int status)
{
    const struct child_config *config = children->config;

    worker_forget(children);
    if (children->ending)
        return;
    if (children->refused_id != LOOP_NONE)
        refused_ready(children, EPOLLIN);
    if (loop_now_ms() - children->worker_began_ms > RESTART_LAST_MS) {
        children->restart_ms = 0;
        children->same = 0;
    }
    if (children->same && status != children->last_status)
        children->same = 0;
    children->last_status = status;
    /* Those two come from outside. */
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL ||
                                WTERMSIG(status) == SIGTERM))
        children->same = 0;
    else if (++children->same == CHILDREN_SAME_MAX) {
        log_error("domain %u: the %s ended %d times in one way (%s %d) and "
                  "is not started again: the guest runs on without %s; see "
                  "the lines above", config->guest_domid, config->name,
                  children->same,
                  WIFSIGNALED(status) ? "signal" : "status",
                  WIFSIGNALED(status) ? WTERMSIG(status) :
                  WEXITSTATUS(status), children->gives);
        if (children->gave_up)
            children->gave_up(children->data);
        return;
    }
    log_guest(config->guest_domid, LOG_LEVEL_ERROR,
              "domain %u: the %s ended (%s %d) and is started again",
              config->guest_domid, config->name,
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

    while (children->worker &&
           waitpid(children->worker, &status, WNOHANG) > 0)
        worker_ended(children, status);
}

void children_end(struct children *children)
{
    if (children->ending)
        return;
    children->ending = true;
    loop_timer_clear(children->loop, &children->restart);
    /* It tells its clients, and ends. */
    children_tell(children, STUBDOM_DESTROYED);
    refused_close(children);
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
    worker_forget(children);
}
