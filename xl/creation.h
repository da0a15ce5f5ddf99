/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's creation by xl, looked after.
 *
 * libxl gives a stubdomain's QEMU 30 s to say that it runs, and has no ear
 * for one that says that it does not. Its log has it at once: stubdomd
 * writes there that QEMU ended, behind what QEMU said, and a kernel that
 * it panicked. Such a creation is ended here, with that message, and what
 * there is of the guest is destroyed. If libxl gives up first, the last line
 * of that log is shown.
 */
#ifndef XENQMP_XL_CREATION_H
#define XENQMP_XL_CREATION_H

#include "host.h"

/* Where libxl has xenconsoled keep the logs of stubdomains. */
#ifndef CREATION_LOG_DIR
#define CREATION_LOG_DIR "/var/log/xen"
#endif

/* Runs xl with these arguments; name, the guest's, may be NULL. xl's exit
 * code, or one of ours after a line. */
int creation_run(char **args, const char *name);

#endif
