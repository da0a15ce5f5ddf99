/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's PCI devices that are passed to the guest, where QEMU looks for
 * them.
 *
 * An unmodified QEMU is given a device by its address in the host, which is
 * what Xen needs, and looks it up in /sys/bus/pci/devices by the same. In a
 * stubdomain devices have the addresses that xen-pciback chose. So a tmpfs
 * over that folder has links under the host's addresses:
 *
 *   0000:03:00.0 -> /sys/devices/pci-0/pci0000:00/0000:00:00.0
 *
 * xen-pciback writes both into its directory in xenstore, dev-N and vdev-N
 * (Linux, drivers/xen/xen-pciback/xenbus.c), before it connects, and libxl
 * asks QEMU for the device when it is connected (libxl_pci.c).
 *
 * A newer QEMU (10.0, not 7.2) does that itself, when it runs in a
 * stubdomain: it reads xen-pciback's directory and looks under the address
 * here (xen-host-pci-device.c), which links under hosts' addresses would
 * hide, or be mistaken for. mkstubdom has looked which of the two it is.
 *
 * The frontend's driver is loaded when the first device comes: who has none
 * pays for none.
 */
#ifndef XENQMP_TOOLS_STUBDOM_PCI_H
#define XENQMP_TOOLS_STUBDOM_PCI_H

#include <stdbool.h>
#include <xenstore.h>

#include "tools/common/loop.h"

/* xen-pciback's own limit of a frontend's devices is not larger. */
#define PCI_DEVICES_MAX 64

/* An image that has this file has a QEMU that finds devices by itself. */
#define PCI_FOUND_BY_QEMU "/qemu.pci"

struct pci {
    /* the caller sets */
    struct loop *loop;
    /* Where links are to be; a tmpfs is mounted there if mount is set. NULL:
     * QEMU finds devices by itself. */
    const char *links;
    bool mount;
    const char *devices;        /* "/sys/devices/pci-0" */
    int (*load)(void);          /* the frontend's driver; -1: there is none */
    struct xs_handle *xs;       /* from pci_start() on this one's alone */
    /* readable */
    unsigned int devices_n;     /* that this domain has now */
    /* private */
    char *backend;              /* its directory; NULL: not yet known */
    bool loaded, has_driver;
    loop_id id;
};

/* Follows device/pci/0 of this domain, and its backend. -1: errno. */
int pci_start(struct pci *pci);
/* Makes the links what xenstore says now. */
void pci_follow(struct pci *pci);
/* The same if xenstore has said something meanwhile, which may wait in the
 * loop behind what depends on it. */
void pci_catch_up(struct pci *pci);

#endif
