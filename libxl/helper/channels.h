/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The channels of a domain (xl.cfg, "channel"): its secondary consoles with
 * a name, which libxl leaves to a QEMU in dom0 (type ioemu). Here they are
 * given to xenconsoled: connection=pty to a pty, connection=socket to a
 * UNIX socket at the channel's path, for root, as QEMU's would be.
 *
 * xl before 4.18.5, 4.19.2, 4.20.1 and 4.21 numbers channels from 0
 * (xl_parse.c, ARRAY_EXTEND_INIT; mended by Xen's e1ccced4af), and libxl then
 * drops the first, which would be the primary console: it has no nodes in
 * xenstore, under QEMU and here alike.
 */
#ifndef XENQMP_LIBXL_HELPER_CHANNELS_H
#define XENQMP_LIBXL_HELPER_CHANNELS_H

#include "store.h"

/* In one transaction. How many there are, or -1 after a line. */
int channels_edit(struct xs_handle *xs, uint32_t domid);

#endif
