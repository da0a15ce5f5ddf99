/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drives of a guest's configuration. libxl takes QEMU in dom0 for them,
 * unless it is told otherwise, and `xl cd-insert` needs a disk that the
 * stubdomain has from dom0's kernel. From Xen 4.19 on a drive can be one:
 * backendtype=phy (libxl_disk.c, libxl__device_disk_setdefault(), which makes
 * an empty file where there is no medium).
 */
#ifndef XENQMP_XL_GUEST_DISKS_H
#define XENQMP_XL_GUEST_DISKS_H

#include "guest_config.h"

/* For xl, "disk=[ ... ]" with that said for each drive that is empty or has a
 * raw image, and says nothing of its backend; to be freed. NULL: there is none,
 * or what is there makes no sense, which xl will say. */
char *guest_disks_argument(const struct guest_config *config);

#endif
