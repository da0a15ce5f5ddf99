/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helper_children.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

/* A worker that can't run is tried again after 0, 500, 1000 ... ms: a
 * mistake of ours must not take a processor. */
#define RESTART_FIRST_MS 500
#define RESTART_LAST_MS  10000
/* QEMU flushes its disks when it is told to end. */
#define QEMU_END_MS      5000

/* libxl has the path of one such compiled in (QEMU_XEN_PATH): Debian's,
 * Xen's own default, the distributions that use their one QEMU for all. */
#ifndef CHILDREN_QEMU_PATHS
#define CHILDREN_QEMU_PATHS                     \
    "/usr/libexec/xen-qemu-system-i386",        \
    "/usr/lib/xen/bin/qemu-system-i386",        \
    "/usr/libexec/xen/bin/qemu-system-i386",    \
    "/usr/local/lib/xen/bin/qemu-system-i386",  \
    "/usr/bin/qemu-system-i386",                \
    "/usr/bin/qemu-system-x86_64"
#endif

static const char *const qemu_paths[] = { CHILDREN_QEMU_PATHS };

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

/* Which of the paths there is. */
static const char *qemu_find(uint32_t domid)
{
    for (size_t i = 0; i < sizeof(qemu_paths) / sizeof(qemu_paths[0]); i++)
        if (!access(qemu_paths[i], X_OK))
            return qemu_paths[i];
    log_error("domain %u: its devices need QEMU in dom0 as their backend, "
              "but %s is not there: install it (Debian: qemu-system-xen), or "
              "give the guest raw block devices (phy:)", domid,
              qemu_paths[0]);
    return NULL;
}

/* "-chardev", "...,id=libxl-channelN,..." out: QEMU would open a channel's
 * socket that is xenconsoled's. In place. */
static void qemu_drop_channels(char **argv)
{
    char **to = argv;

    while (*argv) {
        if (!strcmp(argv[0], "-chardev") && argv[1] &&
            strstr(argv[1], ",id=libxl-channel"))
            argv += 2;
        else
            *to++ = *argv++;
    }
    *to = NULL;
}

static void qemu_exec(const char *path, char **argv)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    closefrom(STDERR_FILENO + 1);
    argv[0] = (char *)path;
    execv(path, argv);
    log_error("cannot run %s for a guest's disks: %s; install it anew "
              "(Debian: qemu-system-xen)", path, strerror(errno));
}

int children_start_qemu(struct children *children, char **argv)
{
    uint32_t domid = children->worker_config->dm_domid;
    const char *path = qemu_find(domid);
    pid_t parent = getpid();

    if (!path)
        return -1;
    children->qemu = fork();
    if (children->qemu < 0) {
        children->qemu = 0;
        log_error("domain %u: cannot start QEMU for its disks: %s", domid,
                  strerror(errno));
        return -1;
    }
    if (children->qemu)
        return 0;
    qemu_drop_channels(argv);
    /* Even if the parent was faster to die than this was to start. */
    if (!prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) && getppid() == parent)
        qemu_exec(path, argv);
    _exit(127);
}

void children_become_qemu(uint32_t domid, char **argv)
{
    const char *path = qemu_find(domid);

    if (!path)
        return;
    qemu_drop_channels(argv);
    qemu_exec(path, argv);
}

void children_reap(struct children *children)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == children->worker) {
            worker_ended(children, status);
        } else if (pid == children->qemu) {
            children->qemu = 0;
            if (!children->ending)
                log_error("domain %u: QEMU for its devices in dom0 ended, "
                          "its disks with it: see qemu-dm-*.log, and "
                          "restart the guest",
                          children->worker_config->dm_domid);
        }
    }
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
    if (children->qemu)
        kill(children->qemu, SIGTERM);
}

/* A child that was not reaped: the pid can't be another's. */
static void child_wait(pid_t *pid, int limit_ms)
{
    struct pollfd gone = { .events = POLLIN };

    if (!*pid)
        return;
    gone.fd = pidfd_open(*pid, 0);
    if (gone.fd < 0 || poll(&gone, 1, limit_ms) <= 0)
        kill(*pid, SIGKILL);
    if (gone.fd >= 0)
        close(gone.fd);
    while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    *pid = 0;
}

void children_wait(struct children *children)
{
    child_wait(&children->worker, QEMU_END_MS);
    child_wait(&children->qemu, QEMU_END_MS);
}
