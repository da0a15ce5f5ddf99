/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store.h"
#include "tools/common/log.h"

/* libxl has the path of one such compiled in (QEMU_XEN_PATH): Debian's,
 * Xen's own default, the distributions that use their one QEMU for all. */
#ifndef HELPER_QEMU_PATHS
#define HELPER_QEMU_PATHS                       \
    "/usr/libexec/xen-qemu-system-i386",        \
    "/usr/lib/xen/bin/qemu-system-i386",        \
    "/usr/libexec/xen/bin/qemu-system-i386",    \
    "/usr/local/lib/xen/bin/qemu-system-i386",  \
    "/usr/bin/qemu-system-i386",                \
    "/usr/bin/qemu-system-x86_64"
#endif

static const char *const qemu_paths[] = { HELPER_QEMU_PATHS };

/* In $PATH, where libxl looks from 4.21 on for one that it knows by its name
 * only. A folder that is not absolute is whoever's is current. */
static const char *qemu_in_path(void)
{
    static const char *const names[] = {
        "qemu-system-i386", "qemu-system-x86_64",
    };
    static char path[PATH_MAX];
    const char *dir = getenv("PATH");
    size_t n;

    for (; dir && *dir; dir += n + (dir[n] == ':')) {
        n = strcspn(dir, ":");
        for (size_t i = 0; *dir == '/' &&
             i < sizeof(names) / sizeof(names[0]); i++)
            if (snprintf(path, sizeof(path), "%.*s/%s", (int)n, dir,
                         names[i]) < (int)sizeof(path) &&
                !access(path, X_OK))
                return path;
    }
    return NULL;
}

/* Which of the paths there is; NULL after a line. */
static const char *qemu_find(uint32_t domid)
{
    const char *path;

    for (size_t i = 0; i < sizeof(qemu_paths) / sizeof(qemu_paths[0]); i++)
        if (!access(qemu_paths[i], X_OK))
            return qemu_paths[i];
    path = qemu_in_path();
    if (path)
        return path;
    log_error("domain %u: its devices need QEMU in dom0 as their backend, "
              "but neither %s nor a qemu-system-i386 in $PATH is there: "
              "install it (Debian: qemu-system-xen), or "
              "give the guest raw block devices (phy:)", domid,
              qemu_paths[0]);
    return NULL;
}

/* The option out where its value has that. In place. */
static void qemu_drop(char **argv, const char *option, const char *value)
{
    char **to = argv;

    while (*argv) {
        if (!strcmp(argv[0], option) && argv[1] && strstr(argv[1], value))
            argv += 2;
        else
            *to++ = *argv++;
    }
    *to = NULL;
}

/* libxl's questions are for qmp-helper, who knows the display and its
 * password: it listens where libxl asks. */
static void qemu_drop_monitor(char **argv)
{
    qemu_drop(argv, "-chardev", ",id=libxl-cmd,");
    qemu_drop(argv, "-mon", "chardev=libxl-cmd,");
}

/* A display of the stubdomain's that was taken away would be shown black. */
static void qemu_drop_display(char **argv)
{
    static char none[] = "none";

    for (; argv[0] && argv[1]; argv++)
        if (!strcmp(argv[0], "-vnc"))
            argv[1] = none;
}

static void qemu_exec(const char *path, char **argv)
{
    sigset_t none;

    /* QEMU would open a channel's socket that is xenconsoled's. */
    qemu_drop(argv, "-chardev", ",id=libxl-channel");
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

void qemu_become(uint32_t domid, char **argv)
{
    const char *path = qemu_find(domid);

    if (path)
        qemu_exec(path, argv);
}

/* A child of a child that has ended: QEMU, which is to become of this
 * process, knows of no children. 0 in that one, 1 in this. */
static int qemu_fork(void)
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        pid = fork();
        if (pid)
            _exit(pid < 0);
        setsid();
        return 0;
    }
    if (pid < 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    errno = EAGAIN;
    return status ? -1 : 1;
}

int qemu_make_way(struct qemu *qemu, uint32_t domid, char **argv)
{
    const char *path = qemu_find(domid);
    int self = -1, go[2] = { -1, -1 }, r = -1;
    char byte;

    if (!path)
        return -1;
    self = pidfd_open(getpid(), 0);
    if (self < 0 || pipe2(go, O_CLOEXEC) || (r = qemu_fork()) < 0) {
        log_error("domain %u: cannot start QEMU for its disks: %s", domid,
                  strerror(errno));
        return -1;
    }
    if (!r) {
        close(go[0]);
        *qemu = (struct qemu){ .fd = self, .go_fd = go[1], .domid = domid };
        return 0;
    }
    close(go[1]);
    qemu_drop_display(argv);
    qemu_drop_monitor(argv);
    if (read(go[0], &byte, 1) == 1)
        qemu_exec(path, argv);
    _exit(1);
}

/* libxl forgets that QEMU runs before it ends it. */
static bool qemu_is_wanted(const struct qemu *qemu)
{
    char *state = store_read(qemu->xs, XBT_NULL,
                             "/local/domain/0/device-model/%u/state",
                             qemu->domid);
    bool wanted = state || errno != ENOENT;

    free(state);
    return wanted;
}

static void qemu_ended(void *data, uint32_t events)
{
    struct qemu *qemu = data;

    (void)events;
    loop_del(qemu->loop, &qemu->id);
    if (qemu_is_wanted(qemu))
        log_error("domain %u: QEMU for its devices in dom0 ended, its disks "
                  "with it: see qemu-dm-*.log, and restart the guest",
                  qemu->domid);
}

int qemu_watch(struct qemu *qemu, struct loop *loop, struct xs_handle *xs)
{
    qemu->loop = loop;
    qemu->xs = xs;
    return qemu->fd < 0 ? 0 :
           loop_add(loop, qemu->fd, EPOLLIN, qemu_ended, qemu, &qemu->id);
}

void qemu_go(struct qemu *qemu)
{
    if (qemu->go_fd < 0)
        return;
    /* If it has gone, that will be seen. */
    if (write(qemu->go_fd, "", 1) != 1)
        log_error("domain %u: QEMU for its disks is not started: %s",
                  qemu->domid, strerror(errno));
    close(qemu->go_fd);
    qemu->go_fd = -1;
}
