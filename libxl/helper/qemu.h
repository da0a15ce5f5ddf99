/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A QEMU in dom0, the backend of a domain's disk images, which libxl means
 * to have started. So it gets the process that libxl has started, whose pid
 * libxl has written down and signals at the domain's end, and qmp-helper
 * goes on in another: neither is the other's child, or ends with it.
 */
#ifndef XENQMP_LIBXL_HELPER_QEMU_H
#define XENQMP_LIBXL_HELPER_QEMU_H

#include <stdint.h>
#include <xenstore.h>

#include "tools/common/loop.h"

struct qemu {
    /* readable */
    int fd;                     /* readable at its end; -1: there is none */
    /* private */
    int go_fd;
    uint32_t domid;
    struct xs_handle *xs;
    loop_id id;
    struct loop *loop;
};

#define QEMU_NONE { .fd = -1, .go_fd = -1 }

/*
 * Returns in a new process, to which all open descriptors belong; timers,
 * signals and epoll do not go along. The old one waits: it becomes QEMU, with
 * libxl's arguments, when qemu_go() is called, and ends with status 1 if
 * the new one ends before. argv[0] is replaced; channels are left out, for
 * xenconsoled serves them, and so is libxl's monitor, whose place is the
 * caller's. -1 after a line, in the old process.
 */
int qemu_make_way(struct qemu *qemu, uint32_t domid, char **argv);
/* Tells, by a line, when it ends while libxl wants it. -1: errno. */
int qemu_watch(struct qemu *qemu, struct loop *loop, struct xs_handle *xs);
/* Idempotent; without effect if there is none. */
void qemu_go(struct qemu *qemu);
/* It in this process's place; returns only after a line. */
void qemu_become(uint32_t domid, char **argv);

#endif
