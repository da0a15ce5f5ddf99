/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which of libvirt's guests are to have a Linux stubdomain, and of what
 * image: stubdom.conf(5). Root's: it is believed.
 */
#ifndef XENQMP_LIBVIRT_STUBDOM_H
#define XENQMP_LIBVIRT_STUBDOM_H

#include <limits.h>

#include "libxl/helper/keyfile.h"

struct stubdom {
    /* readable */
    char domains[KEYFILE_MAX];      /* patterns, separated by commas */
    char kernel[PATH_MAX], ramdisk[PATH_MAX];
    unsigned long memory_kb;        /* 0: what its image and devices need */
};

/* 1: the guest of this name is to have the stubdomain. 0: it is not.
 * -1: nobody can tell, for the file has a mistake, which why_r names. */
int stubdom_select(struct stubdom *stubdom, const char *path,
                   const char *name, char *why_r, size_t size);

#endif
