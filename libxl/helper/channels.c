/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console.h"
#include "tools/common/log.h"

/* channels_edit()'s argument and result. */
struct channels {
    uint32_t domid;
    int n;
    bool told;                  /* the reason is on the log */
};

static char *backend_read(const struct console_edit *edit, int n,
                          const char *key)
{
    return store_read(edit->xs, edit->t, CONSOLE_BACKEND "/%s",
                      edit->domid, n, key);
}

static bool channel_edit(const struct console_edit *edit,
                         struct channels *channels, int n)
{
    char *name = backend_read(edit, n, "name");
    char *connection = backend_read(edit, n, "connection");
    char *path = backend_read(edit, n, "path");
    char output[STORE_PATH_MAX];
    bool ok = true;

    if (!name || !connection)
        goto out;               /* not a channel */
    if (!strcmp(connection, "socket") && path && *path == '/' &&
        !strchr(path, ',')) {
        snprintf(output, sizeof(output), "unix:%s", path);
    } else if (!strcmp(connection, "pty")) {
        snprintf(output, sizeof(output), "pty");
    } else {
        log_error("channel '%s' of domain %u: xenconsoled cannot serve "
                  "connection=%s%s%s; use connection=pty, or "
                  "connection=socket,path=/ABSOLUTE/PATH without a comma",
                  name, edit->domid, connection, path ? ",path=" : "",
                  path ? path : "");
        channels->told = true;
        ok = false;
        goto out;
    }
    ok = console_give(edit, n, output, NULL);
    channels->n++;

out:
    free(name);
    free(connection);
    free(path);
    return ok;
}

static int edit_all(struct xs_handle *xs, xs_transaction_t t, void *data)
{
    struct channels *channels = data;
    const struct console_edit edit = { xs, t, channels->domid };
    unsigned int n;
    char **names = store_list(xs, t, &n, "/local/domain/0/backend/console/%u",
                              channels->domid);
    bool ok = true;

    channels->n = 0;
    /* Console 0 is xenconsoled's already. */
    for (unsigned int i = 0; ok && i < n; i++)
        if (atoi(names[i]) > 0)
            ok = channel_edit(&edit, channels, atoi(names[i]));
    free(names);
    return ok ? 0 : -1;
}

int channels_edit(struct xs_handle *xs, uint32_t domid)
{
    struct channels channels = { .domid = domid };

    if (!store_transaction(xs, edit_all, &channels))
        return channels.n;
    if (!channels.told)
        log_error("domain %u: its channels cannot be set up in xenstore: %s",
                  domid, strerror(errno));
    return -1;
}
