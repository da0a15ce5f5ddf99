/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pid 1 does before anything else: file systems, log, modules.
 * Nothing here ends the start: what fails is said on the log, and QEMU
 * then says what it lacks.
 */
#ifndef XENQMP_STUBDOM_BOOT_H
#define XENQMP_STUBDOM_BOOT_H

/* Mounts /proc, /sys, /dev, /run and opens the log on console 0, which
 * becomes stdin, stdout and stderr. */
void boot_mount(void);
/* Loads the modules that /modules.list names, a path a line, in order. */
void boot_load_modules(const char *list);
/* After the modules: /proc/xen, by which libxenstore finds xenstored. */
void boot_mount_xenfs(void);

#endif
