/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI devices of the host's in the guest's name.
 *
 * libxl gives such a device to the stubdomain, whose backend directory then
 * lists it, and to the guest, and notes for the guest nothing
 * (libxl_pci.c, pci_add_dm_done()); but it is the guest's directory that
 * `xl pci-list` shows and `xl pci-detach` looks into, and of which libxl
 * removes what it detached. So that one is kept beside the stubdomain's: what
 * comes there comes here; what goes is libxl's to remove, and does not come
 * back if the stubdomain's entry stays.
 *
 * xen-pciback takes no notice: to it a directory without a state of 1 is not
 * new (Linux, xenbus_probe_node()).
 *
 * And QEMU switches a device between INTx, MSI and MSI-X by itself, in its
 * configuration space, where a PV guest would ask xen-pciback to. That lets
 * a frontend's domain write there only once it has been told to, for each
 * device (Linux, pciback's attribute allow_interrupt_control), and libxl
 * does not tell it: the guest's driver would wait for interrupts which never
 * come, while the device raised the one that nobody serves.
 */
#ifndef XENQMP_LIBXL_HELPER_PCI_H
#define XENQMP_LIBXL_HELPER_PCI_H

#include "store.h"

/* Its watch's token. */
#define PCI_TOKEN "pci"

bool pci_watch(struct xs_handle *xs, uint32_t dm);
/* After each of its events. What the image or the memory lacks for a new
 * device is told. That xen-pciback has given up is told once, and
 * nothing comes from there any more. */
void pci_follow(struct xs_handle *xs, uint32_t guest, uint32_t dm);
/* The stubdomain has gone: so does what libxl left, if the guest has. */
void pci_end(struct xs_handle *xs, uint32_t guest);

#endif
