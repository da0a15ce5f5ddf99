/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "process.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* Bytes that malloc() may keep for itself, and above which a buffer is a
 * mapping of its own. */
#define PROCESS_KEEP (64 << 10)

static int process_compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Above all the parent's connection to xenstore must not stay. */
static int process_close_inherited(const struct child_config *config,
                                   const int *fds, size_t fds_n)
{
    int keep[2 + CHILD_FDS_MAX] = { config->parent_fd, config->refused_fd };
    unsigned int next = STDERR_FILENO + 1;
    size_t n = 2;

    for (size_t i = 0; i < fds_n; i++)
        keep[n++] = fds[i];
    qsort(keep, n, sizeof(keep[0]), process_compare);
    for (size_t i = 0; i < n; i++) {
        if (keep[i] < (int)next)
            continue;
        if (keep[i] > (int)next &&
            close_range(next, (unsigned int)keep[i] - 1, 0))
            return -1;
        next = (unsigned int)keep[i] + 1;
    }
    return close_range(next, ~0u, 0);
}

/* Large buffers come and go with large messages. Left alone, malloc()
 * learns from their size to keep them. */
static void process_keep_small(void)
{
    mallopt(M_MMAP_THRESHOLD, PROCESS_KEEP);
    mallopt(M_TRIM_THRESHOLD, PROCESS_KEEP);
}

int process_become_own(const struct child_config *config, const int *fds,
                       size_t fds_n)
{
    sigset_t none;

    process_keep_small();
    sigemptyset(&none);
    signal(SIGPIPE, SIG_IGN);           /* the log may be a pipe */
    signal(SIGINT, SIG_IGN);            /* of xl's terminal */
    signal(SIGHUP, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    return sigprocmask(SIG_SETMASK, &none, NULL) ||
           process_close_inherited(config, fds, fds_n) ? -1 : 0;
}

int process_open_parent(const struct child_config *config)
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
