/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stubdom.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define KERNEL  XENQMP_STUBDOM_DIR "/vmlinuz"
#define RAMDISK XENQMP_STUBDOM_DIR "/initrd"
/* MiB: the least and the most that make sense. */
#define MEMORY_MIN     64
#define MEMORY_MAX     65536

static const char *domains_set(void *data, const char *value)
{
    struct stubdom *stubdom = data;

    /* It stood on a line of the file, so it fits. */
    snprintf(stubdom->domains, sizeof(stubdom->domains), "%s", value);
    return *value ? NULL : "it takes names of guests, or patterns with * "
           "and ?, separated by commas";
}

static const char *path_set(char *path_r, const char *value)
{
    if (*value != '/' || strlen(value) >= PATH_MAX)
        return "it takes a path that begins with /";
    strcpy(path_r, value);
    return NULL;
}

static const char *kernel_set(void *data, const char *value)
{
    return path_set(((struct stubdom *)data)->kernel, value);
}

static const char *ramdisk_set(void *data, const char *value)
{
    return path_set(((struct stubdom *)data)->ramdisk, value);
}

static const char *memory_set(void *data, const char *value)
{
    struct stubdom *stubdom = data;
    unsigned long mib;
    char *end;

    mib = strtoul(value, &end, 10);
    if (!isdigit((unsigned char)*value) || *end || mib < MEMORY_MIN ||
        mib > MEMORY_MAX)
        return "it takes a number of MiB, such as 192";
    stubdom->memory_kb = mib << 10;
    return NULL;
}

static const struct keyfile_key keys[] = {
    { "domains", domains_set, true },
    { "kernel",  kernel_set,  false },
    { "ramdisk", ramdisk_set, false },
    { "memory",  memory_set,  false },
};

static bool matches(char *patterns, const char *name)
{
    char *pattern;

    while ((pattern = strsep(&patterns, ","))) {
        size_t n;

        pattern += strspn(pattern, " \t");
        for (n = strlen(pattern); n && strchr(" \t", pattern[n - 1]); n--)
            pattern[n - 1] = '\0';
        if (!fnmatch(pattern, name, 0))
            return true;
    }
    return false;
}

int stubdom_select(struct stubdom *stubdom, const char *path,
                   const char *name, char *why_r, size_t size)
{
    int r;

    *stubdom = (struct stubdom){
        .kernel = KERNEL, .ramdisk = RAMDISK,
    };
    r = keyfile_read(path, keys, sizeof(keys) / sizeof(keys[0]), stubdom,
                     why_r, size);
    if (r <= 0)
        return r;
    return matches(stubdom->domains, name);
}
