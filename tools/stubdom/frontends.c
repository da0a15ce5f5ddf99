/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frontends.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>

#define DISKS "device/vbd"

static char *read_node(struct frontends *frontends, const char *path)
{
    unsigned int n;

    return xs_read(frontends->xs, XBT_NULL, path, &n);
}

static bool is_offline(struct frontends *frontends, unsigned int devid)
{
    char path[256], *backend, *online;
    bool r;

    snprintf(path, sizeof(path), DISKS "/%u/backend", devid);
    backend = read_node(frontends, path);
    snprintf(path, sizeof(path), "%s/online", backend ? backend : "");
    online = backend ? read_node(frontends, path) : NULL;
    r = online && !strcmp(online, "0");
    free(backend);
    free(online);
    return r;
}

/* path: of a node that has changed. */
static void state_changed(struct frontends *frontends, const char *path)
{
    char dir[64], *state;
    unsigned int devid;
    int end = 0;

    if (sscanf(path, DISKS "/%9u/state%n", &devid, &end) != 1 || !end ||
        path[end])
        return;
    state = read_node(frontends, path);
    if (state && atoi(state) == XenbusStateClosed &&
        is_offline(frontends, devid)) {
        snprintf(dir, sizeof(dir), DISKS "/%u", devid);
        xs_rm(frontends->xs, XBT_NULL, dir);
    }
    free(state);
}

static void xs_ready(void *data, uint32_t events)
{
    struct frontends *frontends = data;
    char **watch;

    (void)events;
    while ((watch = xs_check_watch(frontends->xs))) {
        state_changed(frontends, watch[XS_WATCH_PATH]);
        free(watch);
    }
}

int frontends_start(struct frontends *frontends)
{
    return xs_watch(frontends->xs, DISKS, "disks") ?
           loop_add(frontends->loop, xs_fileno(frontends->xs), EPOLLIN,
                    xs_ready, frontends, &frontends->id) : -1;
}
