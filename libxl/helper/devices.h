/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A domain's other frontends whose backend is QEMU in dom0. Linux waits
 * for every frontend before it starts its init, so in a stubdomain one that
 * nobody serves must not be there.
 */
#ifndef XENQMP_LIBXL_HELPER_DEVICES_H
#define XENQMP_LIBXL_HELPER_DEVICES_H

#include "store.h"

/* Removes empty CD-ROM drives (to libxl a qdisk without a file), vfb and
 * vkbd (no picture of a Linux stubdomain's guest is shown there; one line,
 * unless it is shown otherwise). */
void devices_prune(struct xs_handle *xs, uint32_t domid, bool shown);

/* A kind of device of which the domain has one that needs QEMU in dom0 as
 * its backend, for a log line; NULL if there is none. */
const char *devices_need_qemu(struct xs_handle *xs, uint32_t domid);

#endif
