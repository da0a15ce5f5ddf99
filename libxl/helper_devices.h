/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stubdomain's other frontends whose backend would be QEMU in dom0.
 * Linux waits for every frontend before it starts its init, so one that
 * nobody serves must not be there.
 */
#ifndef XENQMP_HELPER_DEVICES_H
#define XENQMP_HELPER_DEVICES_H

#include "helper_store.h"

/* Removes empty CD-ROM drives (to libxl a qdisk without a file), vfb and
 * vkb (no picture of a Linux stubdomain's guest is shown there). Returns
 * how many qdisks are left, which need QEMU in dom0. */
int devices_prune(struct xs_handle *xs, uint32_t dm);

#endif
