/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process of qmp-helper's that has no rights but to speak to those whom it
 * serves: the QMP worker, the display worker. What its parent tells it before
 * it forks it.
 */
#ifndef XENQMP_LIBXL_CHILD_CHILD_H
#define XENQMP_LIBXL_CHILD_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Listening sockets that are handed down. */
#define CHILD_FDS_MAX 8

struct child_config {
    const char *name;           /* "QMP worker" */
    /* Who forks it: getpid() before the fork. */
    pid_t parent;
    /* A socket to it; inherited. One enum stubdom_state a message comes; a
     * message of any kind asks for one. DESTROYED ends the child. 0: there
     * is none. */
    int parent_fd;
    uint32_t guest_domid, dm_domid;
    /* /run/xenqmp/<dm>: root's own, the child's root directory. */
    const char *root;
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
