/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stubdomain's QEMU: libxl's arguments from xenstore, ours behind them,
 * and its process.
 */
#ifndef XENQMP_TOOLS_STUBDOM_QEMU_H
#define XENQMP_TOOLS_STUBDOM_QEMU_H

#include <sys/types.h>
#include <xenstore.h>

#include "arguments.h"

/* Where its two monitors listen (stubdomd.c). */
#define QEMU_MONITOR_A "/run/monitor-a"
#define QEMU_MONITOR_B "/run/monitor-b"

/* The image's own arguments for its QEMU, a line each; may be missing. */
#define QEMU_ARGUMENTS "/qemu.arguments"

struct qemu {
    /* readable */
    struct arguments arguments;
    pid_t pid;
};

/* libxl's arguments, literally, but for the ttys that hvc_of() names
 * (arguments.h) and what a later QEMU takes otherwise (options.h); the
 * image's, and the guest's uuid. -1 after a line. */
int qemu_read_arguments(struct qemu *qemu, struct xs_handle *xs,
                        int (*hvc_of)(int n, void *data), void *data);
/* With both monitors; it inherits incoming, if not -1. -1: errno. */
int qemu_start(struct qemu *qemu, int incoming);

#endif
