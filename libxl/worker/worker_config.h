/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parent tells its worker, before it forks it.
 */
#ifndef XENQMP_WORKER_CONFIG_H
#define XENQMP_WORKER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
    /* Who forks it: getpid() before the fork. Killed, that process costs
     * the guest nothing: the worker goes on alone, and ends soon after its
     * console has gone. Without a console it ends at once, as it does if
     * the parent was faster to end than this to start. */
    pid_t parent;
    /* A socket to it; inherited. One enum stubdom_state a message comes; a
     * message of any kind asks for one. DESTROYED ends the worker. 0: there
     * is none. */
    int parent_fd;
    uint32_t guest_domid, dm_domid;
    /* /run/xenqmp/<dm>: root's own, the worker's root directory. */
    const char *root;
    /* "/console-3": xenconsoled's socket for console 3, below root. Its
     * control socket has ".ctl" appended. Either may not exist yet. NULL:
     * there is no QMP console, and no clients of it. */
    const char *console;
    /* Listens at /run/xen/qmp-libxl-<guest>; inherited. */
    int listen_fd;
    /* Listens at /run/xen/qmp-libxl-<dm>, where libxl expects a QEMU in
     * dom0; inherited. -1: none. */
    int toolstack_fd;
    struct worker_socket sockets[WORKER_SOCKETS_MAX];
    size_t sockets_n;
    /* What the process becomes once it is in its root directory. */
    uid_t uid;
    gid_t gid;
    /* A pipe's end, inherited: the number of each system call, an int,
     * that the sandbox refused. -1: nobody wants to know. */
    int refused_fd;
    /* False only in tests: no chroot, no change of user, no seccomp. */
    bool sandbox;
};

#endif
