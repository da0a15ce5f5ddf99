/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI devices of the host's that a guest's configuration names. libxl
 * looks at each only once the guest and its stubdomain are there, and what
 * it then says is of the stubdomain's; so they are looked at before.
 */
#ifndef XENQMP_XL_GUEST_PCI_H
#define XENQMP_XL_GUEST_PCI_H

#include <stdbool.h>
#include <stddef.h>

#include "guest_config.h"
#include "host.h"

/* A device's functions, at most, of which each counts as one. */
#define GUEST_PCI_MAX 64

struct guest_pci {
    /* readable; [0, n) */
    struct guest_pci_device {
        char address[16];       /* as Linux names it: 0000:03:00.0 */
        bool seize;             /* libxl makes it assignable itself */
        bool permissive;        /* its configuration space is unfiltered */
    } devices[GUEST_PCI_MAX];
    size_t n;
    bool named;                 /* some are given by name, for libxl alone */
};

/* What pci= says. Complains of what is no list, of an entry that is no
 * address, and of a device that stands there twice. An exit code of
 * xl-qmp's. */
int guest_pci_read(struct guest_pci *pci, const struct guest_config *config);

/* Whether the guest can have them: complains of the first reason why not.
 * initrd: its stubdomain's; ours: mkstubdom's own place for it. An exit
 * code. */
int guest_pci_check(const struct guest_pci *pci, struct host *host,
                    const char *initrd, bool ours);

/* What xen-pciback has. Lists are of addresses, with commas. */
struct guest_pci_assignable {
    bool loaded;                /* there is a xen-pciback */
    unsigned int n;             /* guests may be given */
    unsigned int in_use;        /* guests have */
    char no_reset[512];         /* Linux can't reset */
    char permissive[512];       /* have been since some guest before */
    char apart[512];            /* have functions that it has not */
};
void guest_pci_assignable(struct guest_pci_assignable *r, struct host *host);

#endif
