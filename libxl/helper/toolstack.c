/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "toolstack.h"

#include <poll.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <syslog.h>
#include <unistd.h>

#include "tools/common/log.h"

static int toolstack_fd = -1;

/* A terminal that is stopped, or a pipe that nobody reads, would hold this
 * process up. */
static bool toolstack_takes(void)
{
    struct pollfd ready = { .fd = toolstack_fd, .events = POLLOUT };

    return poll(&ready, 1, 0) == 1 && ready.revents == POLLOUT;
}

static bool toolstack_write(const char *program, int priority,
                            const char *line)
{
    if (priority == LOG_ERR && toolstack_takes())
        dprintf(toolstack_fd, "%s: %s\n", program, line);
    return false;               /* and to the log */
}

void toolstack_open(void)
{
    int parent = pidfd_open(getppid(), 0);

    if (parent < 0)
        return;
    toolstack_fd = pidfd_getfd(parent, STDERR_FILENO, 0);
    close(parent);
    if (toolstack_fd >= 0)
        log_divert(toolstack_write);
}

void toolstack_close(void)
{
    if (toolstack_fd < 0)
        return;
    log_divert(NULL);
    close(toolstack_fd);
    toolstack_fd = -1;
}
