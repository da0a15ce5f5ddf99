/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "console.h"

#include <stdio.h>
#include <stdlib.h>

/* libxl's entry for each device, /libxl/<domid>/device/... */
#define CONSOLE_LIBXL "/libxl/%u/device/console/%d"
/* libxl's LIBXL_XENCONSOLE_LIMIT. */
#define CONSOLE_LIMIT "1048576"

bool console_exists(const struct console_edit *edit, int n)
{
    unsigned int names_n;
    char **names = store_list(edit->xs, edit->t, &names_n, CONSOLE_BACKEND,
                              edit->domid, n);

    free(names);
    return names_n;
}

bool console_create(const struct console_edit *edit, int n)
{
    struct xs_handle *xs = edit->xs;
    xs_transaction_t t = edit->t;
    uint32_t domid = edit->domid;
    char backend[STORE_PATH_MAX], frontend[STORE_PATH_MAX], own[16];
    static const char *const both[][2] = {
        { "online", "1" }, { "state", "1" }, { "protocol", "vt100" },
    };
    bool ok;

    snprintf(backend, sizeof(backend), CONSOLE_BACKEND, domid, n);
    snprintf(frontend, sizeof(frontend), CONSOLE_FRONTEND, domid, n);
    snprintf(own, sizeof(own), "%u", domid);

    ok = store_mkdir(xs, t, domid, 0, "%s", frontend) &&
         store_write(xs, t, backend, "%s/backend", frontend) &&
         store_write(xs, t, "0", "%s/backend-id", frontend) &&
         store_write(xs, t, "1", "%s/state", frontend) &&
         store_write(xs, t, "vt100", "%s/protocol", frontend) &&
         store_write_readable(xs, t, domid, "", "%s/tty", frontend) &&
         store_mkdir(xs, t, 0, domid, "%s", backend) &&
         store_write(xs, t, frontend, "%s/frontend", backend) &&
         store_write(xs, t, own, "%s/frontend-id", backend) &&
         store_write(xs, t, frontend, CONSOLE_LIBXL "/frontend", domid, n) &&
         store_write(xs, t, backend, CONSOLE_LIBXL "/backend", domid, n) &&
         store_write(xs, t, own, CONSOLE_LIBXL "/frontend-id", domid, n);
    for (size_t i = 0; ok && i < sizeof(both) / sizeof(both[0]); i++)
        ok = store_write(xs, t, both[i][1], "%s/%s", backend, both[i][0]) &&
             store_write(xs, t, both[i][1], CONSOLE_LIBXL "/%s", domid, n,
                         both[i][0]);
    return ok;
}

char *console_read(const struct console_edit *edit, int n, const char *key)
{
    return store_read(edit->xs, edit->t, CONSOLE_FRONTEND "/%s",
                      edit->domid, n, key);
}

bool console_give(const struct console_edit *edit, int n,
                  const char *output, const char *policy)
{
    const struct { const char *key, *value; } keys[] = {
        { "output", output }, { "limit", CONSOLE_LIMIT },
        { "policy", policy }, { "type", "xenconsoled" },
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (!keys[i].value)
            continue;
        if (!store_write_readable(edit->xs, edit->t, edit->domid,
                                  keys[i].value, CONSOLE_BACKEND "/%s",
                                  edit->domid, n, keys[i].key) ||
            !store_write_readable(edit->xs, edit->t, edit->domid,
                                  keys[i].value, CONSOLE_FRONTEND "/%s",
                                  edit->domid, n, keys[i].key))
            return false;
    }
    return true;
}
