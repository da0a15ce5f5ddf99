/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's arguments: those that libxl left in <vm>/image/dm-argv, literally,
 * but for the two that name what only the stubdomain knows, and ours.
 */
#ifndef XENQMP_TOOLS_STUBDOM_ARGUMENTS_H
#define XENQMP_TOOLS_STUBDOM_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* More than libxl ever writes: its node names have three digits. */
#define ARGUMENTS_MAX 1024

struct arguments {
    /* readable; argv is terminated by NULL and ends are owned */
    char *argv[ARGUMENTS_MAX + 1];
    size_t n;
};

/* -1: too many, or no memory. */
int arguments_add(struct arguments *arguments, const char *value);
int arguments_addf(struct arguments *arguments, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void arguments_dispose(struct arguments *arguments);

/* "/dev/hvcN", where N is the number of a console, becomes the tty that
 * hvc_of(N, data) names; left alone if that is negative. */
int arguments_add_translated(struct arguments *arguments, const char *value,
                             int (*hvc_of)(int n, void *data), void *data);

/* Replaces what libxl writes for the restored state by fd:<fd>. True if
 * it was there. */
#define ARGUMENTS_INCOMING "$STUBDOM_RESTORE_INCOMING_ARG"
bool arguments_set_incoming(struct arguments *arguments, int fd);

#endif
