/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helper_consoles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* libxl's LIBXL_XENCONSOLE_LIMIT. */
#define CONSOLE_LIMIT "1048576"

/* One edit, within one transaction. */
struct edit {
    struct xs_handle *xs;
    xs_transaction_t t;
    uint32_t guest, dm;
};

#define FRONTEND "/local/domain/%u/device/console/%d"
#define BACKEND  "/local/domain/0/backend/console/%u/%d"
#define LIBXL    "/libxl/%u/device/console/%d"

static bool console_exists(const struct edit *edit, int n)
{
    unsigned int names_n;
    char **names = store_list(edit->xs, edit->t, &names_n, BACKEND,
                              edit->dm, n);

    free(names);
    return names_n;
}

/* As libxl__device_console_add() leaves one. */
static bool console_create(const struct edit *edit, int n)
{
    struct xs_handle *xs = edit->xs;
    xs_transaction_t t = edit->t;
    char backend[STORE_PATH_MAX], frontend[STORE_PATH_MAX], domid[16];
    static const char *const both[][2] = {
        { "online", "1" }, { "state", "1" }, { "protocol", "vt100" },
    };
    bool ok;

    snprintf(backend, sizeof(backend), BACKEND, edit->dm, n);
    snprintf(frontend, sizeof(frontend), FRONTEND, edit->dm, n);
    snprintf(domid, sizeof(domid), "%u", edit->dm);

    ok = store_mkdir(xs, t, edit->dm, 0, "%s", frontend) &&
         store_write(xs, t, backend, "%s/backend", frontend) &&
         store_write(xs, t, "0", "%s/backend-id", frontend) &&
         store_write(xs, t, "1", "%s/state", frontend) &&
         store_write(xs, t, "vt100", "%s/protocol", frontend) &&
         store_write_readable(xs, t, edit->dm, "", "%s/tty", frontend) &&
         store_mkdir(xs, t, 0, edit->dm, "%s", backend) &&
         store_write(xs, t, frontend, "%s/frontend", backend) &&
         store_write(xs, t, domid, "%s/frontend-id", backend) &&
         store_write(xs, t, frontend, LIBXL "/frontend", edit->dm, n) &&
         store_write(xs, t, backend, LIBXL "/backend", edit->dm, n) &&
         store_write(xs, t, domid, LIBXL "/frontend-id", edit->dm, n);
    for (size_t i = 0; ok && i < sizeof(both) / sizeof(both[0]); i++)
        ok = store_write(xs, t, both[i][1], "%s/%s", backend, both[i][0]) &&
             store_write(xs, t, both[i][1], LIBXL "/%s", edit->dm, n,
                         both[i][0]);
    return ok;
}

/* The keys that xenconsoled goes by; type last. policy may be NULL. */
static bool console_set(const struct edit *edit, int n, const char *output,
                        const char *policy)
{
    const struct { const char *key, *value; } keys[] = {
        { "output", output }, { "limit", CONSOLE_LIMIT },
        { "policy", policy }, { "type", "xenconsoled" },
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (!keys[i].value)
            continue;
        if (!store_write_readable(edit->xs, edit->t, edit->dm,
                                  keys[i].value, BACKEND "/%s", edit->dm, n,
                                  keys[i].key) ||
            !store_write_readable(edit->xs, edit->t, edit->dm,
                                  keys[i].value, FRONTEND "/%s", edit->dm,
                                  n, keys[i].key))
            return false;
    }
    return true;
}

static bool output_is_served(const char *output)
{
    return !*output || !strcmp(output, "pty") || !strcmp(output, "null") ||
           !strncmp(output, "file:/", 6) || !strncmp(output, "unix:/", 6);
}

/* Serial ports up by one, to make room for QMP. Returns their number. */
static int serial_move(const struct edit *edit)
{
    int last = CONSOLE_QMP, n;
    char *output;
    bool ok;

    while (console_exists(edit, last))
        last++;
    n = last - CONSOLE_QMP;
    if (n > CONSOLE_SERIAL_MAX) {
        log_error("domain %u has %d serial ports, but a stubdomain carries "
                  "%d at most: shorten serial=[...] in its configuration",
                  edit->guest, n, CONSOLE_SERIAL_MAX);
        return -1;
    }
    if (!console_create(edit, last))
        goto fail;
    for (int i = last; i >= CONSOLE_SERIAL; i--) {
        output = store_read(edit->xs, edit->t, FRONTEND "/output",
                            edit->dm, i - 1);
        if (output && !output_is_served(output)) {
            log_error("serial port %d of domain %u: xenconsoled cannot serve "
                      "'%s'; use pty, null, file:PATH or "
                      "unix:PATH,server=on,wait=off", i - CONSOLE_SERIAL,
                      edit->guest, output);
            free(output);
            return -1;
        }
        ok = console_set(edit, i, output ? output : "pty", NULL);
        free(output);
        if (!ok)
            goto fail;
    }
    return n;

fail:
    log_error("domain %u: console %d cannot be made in xenstore: %s",
              edit->dm, last, strerror(errno));
    return -1;
}

/* QEMU's arguments name serial ports by console: /dev/hvc3 and on. */
static bool arguments_renumber(const struct edit *edit)
{
    char *vm = store_read(edit->xs, edit->t, "/local/domain/%u/vm",
                          edit->guest);
    char **names, *value, moved[32];
    unsigned int names_n;
    int n, end;
    bool ok = vm;

    names = store_list(edit->xs, edit->t, &names_n, "%s/image/dm-argv",
                       vm ? vm : "");
    for (unsigned int i = 0; ok && i < names_n; i++) {
        value = store_read(edit->xs, edit->t, "%s/image/dm-argv/%s", vm,
                           names[i]);
        end = 0;
        if (value && sscanf(value, "/dev/hvc%d%n", &n, &end) == 1 &&
            !value[end] && n >= CONSOLE_QMP && n < 100) {
            snprintf(moved, sizeof(moved), "/dev/hvc%d", n + 1);
            ok = store_write(edit->xs, edit->t, moved,
                             "%s/image/dm-argv/%s", vm, names[i]);
        }
        free(value);
    }
    free(names);
    free(vm);
    return ok;
}

static bool primary_set(const struct edit *edit)
{
    return store_write_readable(edit->xs, edit->t, edit->dm, "xenconsoled",
                                "/local/domain/%u/console/type", edit->dm);
}

/* Outputs of consoles 1 and 2 stay what libxl made them. */
static bool state_consoles_set(const struct edit *edit)
{
    char *save = store_read(edit->xs, edit->t, FRONTEND "/output",
                            edit->dm, 1);
    char *restore = store_read(edit->xs, edit->t, FRONTEND "/output",
                               edit->dm, 2);
    bool ok;

    /* Not restoring, there is no output, and the stubdomain may not supply
     * one. */
    ok = console_set(edit, 1, save ? save : "null",
                     save ? "save" : NULL) &&
         console_set(edit, 2, restore ? restore : "null",
                     restore ? "request" : NULL);
    free(save);
    free(restore);
    return ok;
}

int consoles_edit(struct xs_handle *xs, uint32_t guest, uint32_t dm,
                  const char *root, uint32_t uid)
{
    struct edit edit = { .xs = xs, .guest = guest, .dm = dm };
    char output[STORE_PATH_MAX];
    int serial;

    snprintf(output, sizeof(output), "unix:%s/console-3,uid=%u", root, uid);
    do {
        edit.t = xs_transaction_start(xs);
        if (!edit.t)
            break;
        serial = serial_move(&edit);
        if (serial < 0) {
            xs_transaction_end(xs, edit.t, true);
            return -1;
        }
        if (!state_consoles_set(&edit) ||
            !console_set(&edit, CONSOLE_QMP, output, NULL) ||
            !primary_set(&edit) ||
            (serial && !arguments_renumber(&edit))) {
            xs_transaction_end(xs, edit.t, true);
            break;
        }
        if (xs_transaction_end(xs, edit.t, false))
            return serial;
    } while (errno == EAGAIN);

    log_error("domain %u: its consoles cannot be set up in xenstore: %s", dm,
              strerror(errno));
    return -1;
}

bool consoles_forward_tty(struct xs_handle *xs, uint32_t guest, uint32_t dm,
                          int i)
{
    char *tty = store_read(xs, XBT_NULL, FRONTEND "/tty", dm,
                           CONSOLE_SERIAL + i);
    bool known = tty && *tty;

    if (known) {
        /* libxl takes console 3 for the first serial port. */
        if (i == 0)
            store_write(xs, XBT_NULL, tty, FRONTEND "/tty", dm, CONSOLE_QMP);
        store_write_readable(xs, XBT_NULL, guest, tty,
                             "/local/domain/%u/serial/%d/tty", guest, i);
    }
    free(tty);
    return known;
}
