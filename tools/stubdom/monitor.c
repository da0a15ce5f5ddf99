/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Until QEMU listens. */
#define RETRY_MS 50

static int socket_connect(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
        close(fd);
        return -1;
    }
    return fd;
}

static void monitor_try(void *data)
{
    struct monitor *monitor = data;

    monitor->fd = socket_connect(monitor->path);
    if (monitor->fd >= 0 &&
        loop_add(monitor->loop, monitor->fd, EPOLLIN, monitor->readable,
                 monitor->data, &monitor->id)) {
        close(monitor->fd);
        monitor->fd = -1;
    }
    if (monitor->fd < 0)
        loop_timer_set(monitor->loop, &monitor->retry, RETRY_MS, monitor_try,
                       monitor);
    else
        monitor->connected(monitor->data);    /* must be last */
}

void monitor_connect(struct monitor *monitor)
{
    if (monitor->fd < 0 && !loop_timer_is_set(&monitor->retry))
        loop_timer_set(monitor->loop, &monitor->retry, 0, monitor_try,
                       monitor);
}

void monitor_close(struct monitor *monitor)
{
    loop_timer_clear(monitor->loop, &monitor->retry);
    if (monitor->fd < 0)
        return;
    loop_del(monitor->loop, &monitor->id);
    close(monitor->fd);
    monitor->fd = -1;
}
