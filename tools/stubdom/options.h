/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libxl knows one QEMU, the one that was of its time, and an image may have
 * a later one: what that has dropped, and what it wants besides.
 */
#ifndef XENQMP_TOOLS_STUBDOM_OPTIONS_H
#define XENQMP_TOOLS_STUBDOM_OPTIONS_H

#include "arguments.h"

/* The same machine for QEMU 7.2 and all later ones, in the place of libxl's
 * arguments. What would confine a QEMU in dom0 goes, after a line: there is
 * nothing in a stubdomain to keep it from, and neither the user nor the
 * folder. -1: too many, or no memory. */
int options_adapt(struct arguments *arguments);

/* Adds the image's own, a line each, from a file, if there is one. -1: it
 * cannot be read, or too many. */
int options_add_file(struct arguments *arguments, const char *path);

#endif
