/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stubdom_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

static unsigned int devices_of(struct xs_handle *xs, uint32_t dm,
                               const char *kind)
{
    char path[64], **names;
    unsigned int n = 0;

    snprintf(path, sizeof(path), "/libxl/%u/device/%s", dm, kind);
    names = xs_directory(xs, XBT_NULL, path, &n);
    free(names);
    return names ? n : 0;
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
    char *initrd = node_read(xs, "%s/image/ramdisk", vm ? vm : "");
    char *cmdline = node_read(xs, "%s/image/cmdline", vm ? vm : "");
    struct stubdom_devices devices = {
        .displays = devices_of(xs, dm, "vfb"),
        .nics = devices_of(xs, dm, "vif"),
        .disks = devices_of(xs, dm, "vbd"),
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
    free(vm);
    return !has || has >= needs;
}
