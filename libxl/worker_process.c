/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker_process.h"

#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* Closes first to last, which may be none. */
static int process_close(unsigned int first, unsigned int last)
{
    return first <= last ? close_range(first, last, 0) : 0;
}

/* Above all the parent's connection to xenstore must not stay. */
static int process_close_inherited(int a, int b)
{
    unsigned int next = STDERR_FILENO + 1;
    int keep[2] = { a < b ? a : b, a < b ? b : a };

    for (int i = 0; i < 2; i++) {
        if (keep[i] < (int)next)
            continue;
        if (process_close(next, (unsigned int)keep[i] - 1))
            return -1;
        next = (unsigned int)keep[i] + 1;
    }
    return process_close(next, ~0u);
}

int process_become_own(const struct worker_config *config)
{
    sigset_t none;

    sigemptyset(&none);
    signal(SIGPIPE, SIG_IGN);           /* the log may be a pipe */
    signal(SIGINT, SIG_IGN);            /* of xl's terminal */
    signal(SIGHUP, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    return sigprocmask(SIG_SETMASK, &none, NULL) ||
           process_close_inherited(config->listen_fd,
                                   config->toolstack_fd) ? -1 : 0;
}

int process_open_parent(const struct worker_config *config)
{
    int fd = pidfd_open(config->parent, 0);

    /* Asked after it was opened: if it is the parent now, it was then. */
    if (fd >= 0 && getppid() != config->parent) {
        close(fd);
        errno = ESRCH;
        return -1;
    }
    return fd;
}
