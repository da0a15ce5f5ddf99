/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connects each emulated NIC to dom0: the tap that QEMU opens (libxl names
 * it vif<guest>.<devid>-emu in QEMU's arguments) and the stubdomain's own
 * frontend of the same devid become ports of one bridge. The stubdomain
 * itself has no address and says nothing on it.
 */
#ifndef XENQMP_TOOLS_STUBDOM_NETWORK_H
#define XENQMP_TOOLS_STUBDOM_NETWORK_H

#include "arguments.h"
#include "tools/common/loop.h"

struct network {
    /* the caller sets */
    void (*load)(void);         /* the drivers, before the first NIC */
    /* private */
    int netlink;
    loop_id netlink_id;
};

/* Before QEMU starts. Makes the taps that its arguments name, and connects
 * frontends as they appear: xen-netfront makes one when its backend has
 * connected. What fails is said on the log: a guest without network is
 * better than none. */
void network_init(struct network *network, struct loop *loop,
                  const struct arguments *arguments);

/* The devid in "type=tap,...,ifname=vif<n>.<devid>-emu,..."; name_r gets the
 * interface's name. -1: it is another argument. */
int network_tap_of(const char *argument, char *name_r, size_t size);

/* Makes a frontend ready to be a bridge's port: up, and with an address of its
 * own. It has the emulated NIC's, and a bridge keeps what is for an address of
 * its ports': the guest would get nothing but broadcasts. It gets another (the
 * first byte 0xfe, as taps have it); nobody ever sees it. What is so already
 * is left alone. fd: any socket. -1: see errno. */
int network_link_prepare(int fd, const char *name);

#endif
