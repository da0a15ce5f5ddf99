/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stubdom_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As printf makes its path; to be freed, or NULL. */
static char *node_read(struct xs_handle *xs, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static char *node_read(struct xs_handle *xs, const char *fmt, ...)
{
    char path[512];
    unsigned int n;
    va_list args;

    va_start(args, fmt);
    vsnprintf(path, sizeof(path), fmt, args);
    va_end(args);
    return xs_read(xs, XBT_NULL, path, &n);
}

/* 0: not said. */
static unsigned int kib_of(struct xs_handle *xs, uint32_t domid,
                           const char *what)
{
    char *text = node_read(xs, "/local/domain/%u/memory/%s", domid, what);
    unsigned int kib = text ? (unsigned int)strtoul(text, NULL, 10) : 0;

    free(text);
    return kib;
}

/* An empty drive that has QEMU in dom0 for a backend is taken from the
 * stubdomain (helper/devices.c, or a libxl with patches), and stays the
 * guest's. The guest may have disks of its own, too, added later. */
static bool is_drive_taken_away(struct xs_handle *xs, uint32_t guest,
                                uint32_t dm, const char *devid)
{
    char *type = node_read(xs, "/local/domain/0/backend/qdisk/%u/%s/"
                           "device-type", guest, devid);
    char *stubdoms = node_read(xs, "/libxl/%u/device/vbd/%s", dm, devid);
    bool r = type && !strcmp(type, "cdrom") && !stubdoms;

    free(stubdoms);
    free(type);
    return r;
}

static unsigned int disks_of(struct xs_handle *xs, uint32_t guest,
                             uint32_t dm)
{
    char path[64], **names;
    unsigned int n = 0, disks;

    snprintf(path, sizeof(path), "/libxl/%u/device/vbd", dm);
    names = xs_directory(xs, XBT_NULL, path, &n);
    free(names);
    disks = names ? n : 0;

    snprintf(path, sizeof(path), "/local/domain/0/backend/qdisk/%u", guest);
    names = xs_directory(xs, XBT_NULL, path, &n);
    for (unsigned int i = 0; names && i < n; i++)
        disks += is_drive_taken_away(xs, guest, dm, names[i]);
    free(names);
    return disks;
}

/* Those that QEMU is to emulate: a stubdomain has others, too, but without a
 * use for them. */
static unsigned int nics_of(struct xs_handle *xs, const char *vm)
{
    char path[512], **names, *argument;
    unsigned int n = 0, nics = 0;

    snprintf(path, sizeof(path), "%s/image/dm-argv", vm);
    names = xs_directory(xs, XBT_NULL, path, &n);
    for (unsigned int i = 0; names && i < n; i++) {
        argument = node_read(xs, "%s/%s", path, names[i]);
        nics += argument && strstr(argument, ",ifname=");
        free(argument);
    }
    free(names);
    return nics;
}

/* The backend that libxl has made, which may have SPICE alone; or console 8,
 * by which qmp-helper replaces it. */
static unsigned int displays_of(struct xs_handle *xs, uint32_t dm)
{
    char *vnc = node_read(xs, "/local/domain/0/backend/vfb/%u/0/vnc", dm);
    char *console = node_read(xs, "/libxl/%u/device/console/8/backend", dm);
    bool r = console || (vnc && !strcmp(vnc, "1"));

    free(console);
    free(vnc);
    return r;
}

static unsigned int host_devices_of(struct xs_handle *xs, uint32_t dm)
{
    char *text = node_read(xs, "/local/domain/0/backend/pci/%u/0/num_devs",
                           dm);
    unsigned long n = text ? strtoul(text, NULL, 10) : 0;

    free(text);
    /* xen-pciback takes no more. */
    return n < 64 ? (unsigned int)n : 64;
}

bool stubdom_memory_is_enough(struct stubdom_memory *memory_r,
                              struct xs_handle *xs, uint32_t guest,
                              uint32_t dm)
{
    unsigned int has = kib_of(xs, dm, "static-max") / 1024;
    unsigned int video = kib_of(xs, guest, "videoram") / 1024, needs;
    char *vm = node_read(xs, "/local/domain/%u/vm", dm);
    char *guests_vm = node_read(xs, "/local/domain/%u/vm", guest);
    char *initrd = node_read(xs, "%s/image/ramdisk", vm ? vm : "");
    char *cmdline = node_read(xs, "%s/image/cmdline", vm ? vm : "");
    struct stubdom_devices devices = {
        .displays = displays_of(xs, dm),
        .nics = nics_of(xs, guests_vm ? guests_vm : ""),
        .disks = disks_of(xs, guest, dm),
        .host_devices = host_devices_of(xs, dm),
    };
    struct stubdom_image image;

    stubdom_image_cmdline(&devices, cmdline ? cmdline : "");
    stubdom_image_read(&image, initrd ? initrd : "");
    needs = stubdom_image_memory(&image, &devices);
    *memory_r = (struct stubdom_memory){
        .has_mib = has > video ? has - video : 0,
        .needs_mib = needs > video ? needs - video : 0,
        .pci = image.pci,
    };
    free(cmdline);
    free(initrd);
    free(guests_vm);
    free(vm);
    return !has || has + STUBDOM_MEMORY_SPARE_MIB >= needs;
}
