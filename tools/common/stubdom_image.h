/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What mkstubdom says of an image, in the file "contents" beside it: so that
 * nobody has to look into an initramfs.
 */
#ifndef XENQMP_TOOLS_COMMON_STUBDOM_IMAGE_H
#define XENQMP_TOOLS_COMMON_STUBDOM_IMAGE_H

#include <stdbool.h>

/* stubdomain_memory for an image of which nothing is said: what those of
 * mkstubdom needed before it said so. */
#define STUBDOM_MEMORY_MIB 192
/* For its kernel's command line: Linux spends 0.8 s on tests of what is not
 * used, 8 MiB on files for tracing that nobody opens, and 0.1 s at a time to
 * wait for each kind of PV device, where pid 1 can do that (disks.h, pci.c); on
 * a Zen of AMD's, since 6.15, it panics where it asks why the machine was reset,
 * for Xen gives only dom0 that register (arch/x86/kernel/cpu/amd.c); and it
 * unpacks an initramfs into a tmpfs that may have half of the memory, if not
 * told to take a file system without a limit. */
#define STUBDOM_CMDLINE STUBDOM_CMDLINE_WITH("boot_wait_for_devices,")
/* Of an image whose pid 1 does not wait. */
#define STUBDOM_CMDLINE_PLAIN STUBDOM_CMDLINE_WITH("")
#define STUBDOM_CMDLINE_WITH(initcall) \
    "cryptomgr.notests initcall_blacklist=tracer_init_tracefs," initcall \
    "print_s5_reset_status_mmio rootfstype=ramfs"

enum stubdom_image_pci { IMAGE_PCI_UNKNOWN, IMAGE_PCI_LACKS, IMAGE_PCI_HAS };

/* Of a guest, as far as its stubdomain needs memory for them: shown by VNC, and
 * NICs that QEMU emulates. */
struct stubdom_devices {
    unsigned int displays, nics, disks, host_devices;
    unsigned int tracing;       /* 1: its kernel has the files for that */
    unsigned int tmpfs;         /* 1: it unpacks the image into one */
};

struct stubdom_image {
    char kernel[128];           /* its version, or "" */
    enum stubdom_image_pci pci; /* whether it can take devices of the host's */
    bool waits;                 /* its pid 1 for PV devices: STUBDOM_CMDLINE */
    unsigned int memory_mib;    /* of a stubdomain without devices, in all:
                                   stubdomain_memory and what libxl adds, the
                                   guest's video memory. 0: not said */
    struct stubdom_devices each_mib;    /* and for each of these; of the
                                           host's devices, for the first */
    unsigned int host_device_more_mib;  /* and for each behind that */
};

/* initrd: its path. All is unknown where there is no such file. */
void stubdom_image_read(struct stubdom_image *image, const char *initrd);

/* Sets the last two of devices. */
void stubdom_image_cmdline(struct stubdom_devices *devices,
                           const char *cmdline);

/* Of the stubdomain of a guest with these, in all. 0: not said. */
unsigned int stubdom_image_memory(const struct stubdom_image *image,
                                  const struct stubdom_devices *devices);

#endif
