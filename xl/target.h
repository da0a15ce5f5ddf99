/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QMP server, as named on the command line: a domain's name, number or
 * UUID, or unix:PATH, tcp:HOST:PORT, tty:PATH.
 */
#ifndef XENQMP_XL_TARGET_H
#define XENQMP_XL_TARGET_H

#include "libxl/client/libxl_qmp.h"
#include "xl_qmp.h"

/* Connects. Complains and returns the exit code if it can't. */
int target_open(const struct options *options, const char *name,
                xlqmp_ctx **ctx_r);

/* The same without a complaint, and with a limit of its own. */
int target_try(const struct options *options, const char *name,
               int timeout_ms, xlqmp_ctx **ctx_r);

/* Complains about what a call on that server came to, and returns the exit
 * code. what: the command, or NULL. */
int target_error(const char *name, const char *what,
                 const struct xlqmp_error *error);

#endif
