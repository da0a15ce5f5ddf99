/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands that name files. QEMU in a stubdomain opens the stubdomain's,
 * which are in memory and end with it: not what who types a path expects.
 */
#ifndef XENQMP_XL_FILES_H
#define XENQMP_XL_FILES_H

#include "xl_qmp.h"

/* Says so, once, if the command is one of them and the server's QEMU is in a
 * stubdomain. server: as target.h has it. */
void files_warn(const struct options *options, const char *server,
                const char *command);

#endif
