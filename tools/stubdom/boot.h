/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pid 1 does before anything else: file systems, log, modules.
 * What fails is said on the log, and QEMU then says what it lacks; nothing
 * here ends the start but an image whose parts don't belong together.
 */
#ifndef XENQMP_TOOLS_STUBDOM_BOOT_H
#define XENQMP_TOOLS_STUBDOM_BOOT_H

/* Mounts /proc, /sys, /dev, /run and opens the log on console 0, which
 * becomes stdin, stdout and stderr. */
void boot_mount(void);
/* Loads the modules that dir/<version of the kernel>/list names, a path a
 * line, in order. Without dir, there are none to load. -1 after a line: there
 * are some, but only for other kernels, and nothing will work. */
int boot_load_modules(const char *dir);
/* Mounts the squashfs in file, which may be none, on dir. -1 after a line. */
int boot_mount_image(const char *file, const char *dir);
/* Loads those of dir/<version of the kernel>/network, for guests with NICs. */
void boot_load_network(const char *dir);
/* Loads those of dir/<version of the kernel>/pci: the frontend of PCI
 * devices. -1 after a line: the image has none. */
int boot_load_pci(const char *dir);
/* After the modules: /proc/xen, by which libxenstore finds xenstored. */
void boot_mount_xenfs(void);

/* How many processes the kernel has killed for want of memory, so far. pid 1
 * is none that it would choose. */
unsigned long boot_oom_kills(void);

#endif
