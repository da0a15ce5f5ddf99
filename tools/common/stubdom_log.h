/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of a stubdomain, console 0's output: the kernel's lines, QEMU's,
 * and stubdomd's, which say how QEMU ended. All of it is the stubdomain's
 * word.
 */
#ifndef XENQMP_TOOLS_COMMON_STUBDOM_LOG_H
#define XENQMP_TOOLS_COMMON_STUBDOM_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* In the environment of a toolstack whose user is told of such a failure
 * by who started it. */
#define STUBDOM_LOG_WATCHED "XENQMP_LOG_WATCHED"

/* Why the stubdomain with this log, an open file, can't go on, to be shown:
 * QEMU ended or could not be started, with what was said last before it, or
 * the kernel panicked. False if the log says no such thing. Cut to fit,
 * made printable. */
bool stubdom_log_failure(int fd, char *why_r, size_t size);

/* Why its PCI devices don't come, which libxl waits a minute for: the image
 * has no driver for them, or that one failed. Otherwise as above. */
bool stubdom_log_pci_failure(int fd, char *why_r, size_t size);

/* The last that it says, a whole line with something in it: how far the
 * stubdomain came. False: nothing. Cut to fit, made printable. */
bool stubdom_log_last(int fd, char *line_r, size_t size);

#endif
