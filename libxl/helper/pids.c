/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pids.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PIDS_NODE   "/local/domain/%u/image/%s"
#define PIDS_PROXY  "qmp-proxy-pid"
#define PIDS_DEVICE "device-model-pid"

static pid_t pid_read(struct xs_handle *xs, xs_transaction_t t, uint32_t dm,
                      const char *name)
{
    char *text = store_read(xs, t, PIDS_NODE, dm, name);
    char *end = NULL;
    long pid = text ? strtol(text, &end, 10) : 0;
    bool ok = pid > 0 && pid <= INT_MAX && !*end;

    free(text);
    return ok ? (pid_t)pid : 0;
}

pid_t pids_proxy(struct xs_handle *xs, uint32_t dm)
{
    return pid_read(xs, XBT_NULL, dm, PIDS_PROXY);
}

bool pids_replace_proxy(struct xs_handle *xs, uint32_t dm)
{
    char own[16];

    snprintf(own, sizeof(own), "%d", (int)getpid());
    return store_write(xs, XBT_NULL, own, PIDS_NODE, dm, PIDS_PROXY);
}

static int forget(struct xs_handle *xs, xs_transaction_t t, void *data)
{
    uint32_t dm = *(const uint32_t *)data;
    bool ok = true;

    if (pid_read(xs, t, dm, PIDS_PROXY) == getpid())
        ok = store_rm(xs, t, PIDS_NODE, dm, PIDS_PROXY);
    if (ok && pid_read(xs, t, dm, PIDS_DEVICE) == getpid()) {
        ok = store_rm(xs, t, PIDS_NODE, dm, PIDS_DEVICE);
        /* May be gone already. */
        store_rm(xs, t, "/local/domain/0/device-model/%u", dm);
    }
    return ok ? 0 : -1;
}

void pids_forget(struct xs_handle *xs, uint32_t dm)
{
    /* If xenstored has gone, libxl does not find the nodes either. */
    (void)store_transaction(xs, forget, &dm);
}
