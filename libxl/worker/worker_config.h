/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parent tells its worker, before it forks it.
 */
#ifndef XENQMP_LIBXL_WORKER_WORKER_CONFIG_H
#define XENQMP_LIBXL_WORKER_WORKER_CONFIG_H

#include "libxl/child/child.h"
#include "libxl/child/counts.h"

enum worker_use {
    /* The commands named; events. */
    WORKER_FOR_MONITORING,
    /* What libxenstat asks at /run/xen/qmp-libxenstat-<guest>, answered as
     * it needs it; no events. */
    WORKER_FOR_XENTOP,
};

/* A further socket to the guest's QEMU, whose clients may do less. */
struct worker_socket {
    int fd;                     /* listens; inherited */
    enum worker_use use;
    /* Of WORKER_FOR_MONITORING: patterns of fnmatch(3), separated by
     * commas: "query-*,cont". */
    const char *commands;
};

#define WORKER_SOCKETS_MAX 2
/* One pattern and its end; QEMU's longest name has 34. */
#define WORKER_PATTERN_MAX 128

struct worker_config {
    /* Its parent killed, it costs the guest nothing: the worker goes on
     * alone, and ends soon after its console has gone. Without a console it
     * ends at once, as it does if the parent was faster to end than this to
     * start. */
    struct child_config child;
    /* "/console-3": xenconsoled's socket for console 3, below root. Its
     * control socket has ".ctl" appended. Either may not exist yet. NULL:
     * there is no QMP console, and no clients of it. */
    const char *console;
    /* Listens at /run/xen/qmp-libxl-<guest>; inherited. */
    int listen_fd;
    /* Listens at /run/xen/qmp-libxl-<dm>, where libxl expects a QEMU in
     * dom0; inherited. -1: none. */
    int toolstack_fd;
    /* The answer to query-vnc there: JSON. NULL: there is no display. */
    const char *vnc;
    /* Shared with who writes it. NULL: there is no display. */
    const volatile struct display_counts *display;
    struct worker_socket sockets[WORKER_SOCKETS_MAX];
    size_t sockets_n;
};

#endif
