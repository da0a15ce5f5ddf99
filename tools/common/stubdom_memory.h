/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a stubdomain has the memory that its image and its guest's devices
 * need (stubdom_image.h). All of it stands where no guest can write.
 */
#ifndef XENQMP_TOOLS_COMMON_STUBDOM_MEMORY_H
#define XENQMP_TOOLS_COMMON_STUBDOM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

#include "stubdom_image.h"

struct stubdom_memory {
    /* As stubdomain_memory counts it: libxl adds the guest's video memory. */
    unsigned int has_mib;
    unsigned int needs_mib;     /* 0: nothing is known of its image */
    enum stubdom_image_pci pci; /* that image's */
};

/* What is needed grows with an image, and a guest whose stubdomain got what
 * one of before needed is to come back after a reboot, or from a save: by so
 * much it may have less, which mkstubdom's figure has to spare, in MiB. Who
 * makes a configuration (xl-qmp create) adds as much. */
#define STUBDOM_MEMORY_SPARE_MIB 4

/* False: too little. True also if that can't be known. The same before libxl
 * has started the stubdomain and later; but for devices of the host's PCI bus,
 * which come later. */
bool stubdom_memory_is_enough(struct stubdom_memory *memory_r,
                              struct xs_handle *xs, uint32_t guest,
                              uint32_t dm);

#endif
