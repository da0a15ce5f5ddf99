/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helper_devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* Frontend, backend and libxl's own entry. */
static void device_remove(struct xs_handle *xs, uint32_t dm,
                          const char *kind, const char *devid,
                          const char *backend_kind)
{
    store_rm(xs, XBT_NULL, "/libxl/%u/device/%s/%s", dm, kind, devid);
    store_rm(xs, XBT_NULL, "/local/domain/%u/device/%s/%s", dm, kind, devid);
    store_rm(xs, XBT_NULL, "/local/domain/0/backend/%s/%u/%s", backend_kind,
             dm, devid);
}

/* An empty directory would stay behind at xl destroy. */
static void backend_rmdir(struct xs_handle *xs, uint32_t dm,
                          const char *backend_kind)
{
    unsigned int n;
    char **names = store_list(xs, XBT_NULL, &n,
                              "/local/domain/0/backend/%s/%u", backend_kind,
                              dm);

    if (names && !n)
        store_rm(xs, XBT_NULL, "/local/domain/0/backend/%s/%u",
                 backend_kind, dm);
    free(names);
}

static bool displays_remove(struct xs_handle *xs, uint32_t dm,
                            const char *kind)
{
    unsigned int n;
    char **names = store_list(xs, XBT_NULL, &n, "/libxl/%u/device/%s", dm,
                              kind);

    for (unsigned int i = 0; i < n; i++)
        device_remove(xs, dm, kind, names[i], kind);
    if (n)
        backend_rmdir(xs, dm, kind);
    free(names);
    return n;
}

static int qdisks_prune(struct xs_handle *xs, uint32_t dm)
{
    unsigned int n;
    char **names = store_list(xs, XBT_NULL, &n,
                              "/local/domain/0/backend/qdisk/%u", dm);
    int left = 0;

    for (unsigned int i = 0; i < n; i++) {
        char *params = store_read(xs, XBT_NULL,
                                  "/local/domain/0/backend/qdisk/%u/%s/"
                                  "params", dm, names[i]);
        /* "<format>:<file>", the file missing, or nothing at all. */
        const char *colon = params ? strchr(params, ':') : NULL;

        if (!params || !*params || (colon && !colon[1]))
            device_remove(xs, dm, "vbd", names[i], "qdisk");
        else
            left++;
        free(params);
    }
    if (n && !left)
        backend_rmdir(xs, dm, "qdisk");
    free(names);
    return left;
}

int devices_prune(struct xs_handle *xs, uint32_t dm)
{
    bool vfb = displays_remove(xs, dm, "vfb");
    bool vkb = displays_remove(xs, dm, "vkb");

    if (vfb || vkb)
        log_warn("domain %u: its display is not shown by a Linux stubdomain "
                 "and was left out; vnc=0 says so in the configuration", dm);
    return qdisks_prune(xs, dm);
}
