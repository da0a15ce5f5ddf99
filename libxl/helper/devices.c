/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/log.h"

/* libxl's names (libxl_types_internal.idl, device_kind). */
#define DEVICES_DISK     "vbd"
#define DEVICES_QDISK    "qdisk"
#define DEVICES_DISPLAY  "vfb"
#define DEVICES_KEYBOARD "vkbd"

#define DEVICES_BACKEND  "/local/domain/0/backend/%s/%u"

/* Frontend, backend and libxl's own entry. */
static void device_remove(struct xs_handle *xs, uint32_t domid,
                          const char *kind, const char *devid,
                          const char *backend_kind)
{
    store_rm(xs, XBT_NULL, "/libxl/%u/device/%s/%s", domid, kind, devid);
    store_rm(xs, XBT_NULL, "/local/domain/%u/device/%s/%s", domid, kind,
             devid);
    store_rm(xs, XBT_NULL, DEVICES_BACKEND "/%s", backend_kind, domid,
             devid);
}

/* How many backends of a kind there are. An empty directory goes: it would
 * stay behind at xl destroy. */
static unsigned int backends_count(struct xs_handle *xs, uint32_t domid,
                                   const char *kind)
{
    unsigned int n;
    char **names = store_list(xs, XBT_NULL, &n, DEVICES_BACKEND, kind,
                              domid);

    if (names && !n)
        store_rm(xs, XBT_NULL, DEVICES_BACKEND, kind, domid);
    free(names);
    return n;
}

static bool displays_remove(struct xs_handle *xs, uint32_t domid,
                            const char *kind)
{
    unsigned int n;
    char **names = store_list(xs, XBT_NULL, &n, "/libxl/%u/device/%s",
                              domid, kind);

    for (unsigned int i = 0; i < n; i++)
        device_remove(xs, domid, kind, names[i], kind);
    free(names);
    backends_count(xs, domid, kind);
    return n;
}

/* params is "<format>:<file>"; without a medium the file is missing, or
 * all of it. */
static bool qdisk_is_empty(struct xs_handle *xs, uint32_t domid,
                           const char *devid)
{
    char *params = store_read(xs, XBT_NULL, DEVICES_BACKEND "/%s/params",
                              DEVICES_QDISK, domid, devid);
    const char *colon = params ? strchr(params, ':') : NULL;
    bool empty = !params || !*params || (colon && !colon[1]);

    free(params);
    return empty;
}

static void qdisks_prune(struct xs_handle *xs, uint32_t domid)
{
    unsigned int n;
    char **names = store_list(xs, XBT_NULL, &n, DEVICES_BACKEND,
                              DEVICES_QDISK, domid);

    for (unsigned int i = 0; i < n; i++)
        if (qdisk_is_empty(xs, domid, names[i]))
            device_remove(xs, domid, DEVICES_DISK, names[i], DEVICES_QDISK);
    free(names);
    backends_count(xs, domid, DEVICES_QDISK);
}

void devices_prune(struct xs_handle *xs, uint32_t domid, bool shown)
{
    bool display = displays_remove(xs, domid, DEVICES_DISPLAY);
    bool keyboard = displays_remove(xs, domid, DEVICES_KEYBOARD);

    if ((display || keyboard) && !shown)
        log_warn("domain %u: its display is not shown by a Linux stubdomain "
                 "and was left out; vnc=0 says so in the configuration",
                 domid);
    qdisks_prune(xs, domid);
}

const char *devices_need_qemu(struct xs_handle *xs, uint32_t domid)
{
    /* libxl's QEMU_BACKEND(), and 9pfs. */
    static const char *const kinds[] = {
        DEVICES_QDISK, DEVICES_DISPLAY, DEVICES_KEYBOARD, "qusb", "9pfs",
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (backends_count(xs, domid, kinds[i]))
            return kinds[i];
    return NULL;
}
