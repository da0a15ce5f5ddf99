/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stubdomd's connection to one of QEMU's monitor sockets: made again for as
 * long as it is wanted.
 */
#ifndef XENQMP_TOOLS_STUBDOM_MONITOR_H
#define XENQMP_TOOLS_STUBDOM_MONITOR_H

#include "tools/common/loop.h"

struct monitor {
    /* the caller sets */
    struct loop *loop;
    const char *path;
    void (*connected)(void *data);
    void (*readable)(void *data, uint32_t events);
    void *data;
    /* readable */
    int fd;                     /* -1: not connected; non-blocking */
    loop_id id;
    /* private */
    struct loop_timer retry;
};

/* Starts to connect, at once; calls connected() from the loop. */
void monitor_connect(struct monitor *monitor);
/* Gives up a connection, or the attempt to make one. */
void monitor_close(struct monitor *monitor);

#endif
