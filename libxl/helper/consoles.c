/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "consoles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console.h"
#include "tools/common/log.h"

/* consoles_edit()'s arguments and result. */
struct consoles {
    uint32_t guest, dm;
    char output[STORE_PATH_MAX];        /* console 3's */
    char display[STORE_PATH_MAX];       /* console 8's; "": there is none */
    int serial_ports;
    bool told;                          /* the reason is on the log */
};

static bool output_is_served(const char *output)
{
    return !*output || !strcmp(output, "pty") || !strcmp(output, "null") ||
           !strncmp(output, "file:/", 6) || !strncmp(output, "unix:/", 6);
}

/* Port i takes over its output from the console below, where libxl put
 * it. */
static bool serial_set(const struct console_edit *edit,
                       struct consoles *consoles, int i)
{
    int n = CONSOLE_SERIAL + i;
    char *output = console_read(edit, n - 1, "output");
    bool ok;

    if (output && !output_is_served(output)) {
        log_error("serial port %d of domain %u: xenconsoled cannot serve "
                  "'%s'; use pty, null, file:PATH or "
                  "unix:PATH,server=on,wait=off", i, consoles->guest, output);
        consoles->told = true;
        free(output);
        return false;
    }
    ok = console_give(edit, n, output ? output : "pty", NULL);
    free(output);
    return ok;
}

/* Serial ports up by one, to make room for QMP. */
static bool serial_move(const struct console_edit *edit,
                        struct consoles *consoles)
{
    int last = CONSOLE_QMP;
    int max = CONSOLE_SERIAL_MAX - (*consoles->display ? 1 : 0);

    while (console_exists(edit, last))
        last++;
    consoles->serial_ports = last - CONSOLE_QMP;
    if (consoles->serial_ports > max) {
        log_error("domain %u has %d serial ports, but a stubdomain carries "
                  "%d at most%s: shorten serial=[...] in its configuration",
                  consoles->guest, consoles->serial_ports, max,
                  *consoles->display ? " beside a display" : "");
        consoles->told = true;
        return false;
    }
    if (!console_create(edit, last))
        return false;
    for (int i = consoles->serial_ports; i-- > 0; )
        if (!serial_set(edit, consoles, i))
            return false;
    return true;
}

/* One of QEMU's arguments: serial ports are named by console, /dev/hvc3
 * and on, and become one more. A channel of the guest's is served in dom0;
 * for the -device that names it, QEMU keeps an empty chardev. Returns false
 * if value is to stay as it is. */
static bool argument_edit(const char *value, char *edited_r, size_t size)
{
    int n, end = 0;

    if (sscanf(value, "/dev/hvc%2d%n", &n, &end) == 1 && end &&
        !value[end] && n >= CONSOLE_QMP) {
        snprintf(edited_r, size, "/dev/hvc%d", n + 1);
        return true;
    }
    end = 0;
    if (sscanf(value, "pty,id=libxl-channel%3d%n", &n, &end) == 1 ||
        sscanf(value, "socket,id=libxl-channel%3d%n", &n, &end) == 1) {
        snprintf(edited_r, size, "null,id=libxl-channel%d", n);
        return end != 0;
    }
    return false;
}

static bool arguments_edit(const struct console_edit *edit, uint32_t guest)
{
    char *vm = store_read(edit->xs, edit->t, "/local/domain/%u/vm", guest);
    char **names, edited[64];
    unsigned int n;
    bool ok = vm;

    names = store_list(edit->xs, edit->t, &n, "%s/image/dm-argv",
                       vm ? vm : "");
    for (unsigned int i = 0; ok && i < n; i++) {
        char *value = store_read(edit->xs, edit->t, "%s/image/dm-argv/%s",
                                 vm, names[i]);

        if (value && argument_edit(value, edited, sizeof(edited)))
            ok = store_write(edit->xs, edit->t, edited,
                             "%s/image/dm-argv/%s", vm, names[i]);
        free(value);
    }
    free(names);
    free(vm);
    return ok;
}

static bool primary_set(const struct console_edit *edit)
{
    return store_write_readable(edit->xs, edit->t, edit->domid,
                                "xenconsoled",
                                "/local/domain/%u/console/type",
                                edit->domid);
}

/* Outputs of consoles 1 and 2 stay what libxl made them. Not restoring,
 * there is no output, and the stubdomain may not supply one. */
static bool state_consoles_set(const struct console_edit *edit)
{
    char *save = console_read(edit, 1, "output");
    char *restore = console_read(edit, 2, "output");
    bool ok = console_give(edit, 1, save ? save : "null",
                           save ? "save" : NULL) &&
              console_give(edit, 2, restore ? restore : "null",
                           restore ? "request" : NULL);

    free(save);
    free(restore);
    return ok;
}

static bool display_set(const struct console_edit *edit,
                        const struct consoles *consoles)
{
    return !*consoles->display ||
           (console_create(edit, CONSOLE_DISPLAY) &&
            console_give(edit, CONSOLE_DISPLAY, consoles->display, NULL));
}

static int edit_all(struct xs_handle *xs, xs_transaction_t t, void *data)
{
    struct consoles *consoles = data;
    const struct console_edit edit = { xs, t, consoles->dm };

    return serial_move(&edit, consoles) && state_consoles_set(&edit) &&
           console_give(&edit, CONSOLE_QMP, consoles->output, NULL) &&
           display_set(&edit, consoles) && primary_set(&edit) && arguments_edit(&edit, consoles->guest) ?
           0 : -1;
}

/* libxl says the same as we would, or knows another qmp-helper. */
static bool qmp_check(const struct console_edit *edit,
                      struct consoles *consoles)
{
    char *output = store_read(edit->xs, edit->t, CONSOLE_BACKEND "/output",
                              edit->domid, CONSOLE_QMP);
    bool ok = output && !strcmp(output, consoles->output);

    if (!ok) {
        log_error("domain %u: libxl connects its console 3 to '%s', not to "
                  "'%s': build libxl with the patches that came with this "
                  "qmp-helper", consoles->dm, output ? output : "nothing",
                  consoles->output);
        consoles->told = true;
    }
    free(output);
    return ok;
}

static int look_at_all(struct xs_handle *xs, xs_transaction_t t, void *data)
{
    struct consoles *consoles = data;
    const struct console_edit edit = { xs, t, consoles->dm };
    int n = CONSOLE_SERIAL;

    while (n < CONSOLE_SERIAL + CONSOLE_SERIAL_MAX &&
           console_exists(&edit, n))
        n++;
    consoles->serial_ports = n - CONSOLE_SERIAL;
    return qmp_check(&edit, consoles) ? 0 : -1;
}

static int consoles_set(struct xs_handle *xs, struct consoles *consoles,
                        store_fn *fn, const char *root, uint32_t uid)
{
    snprintf(consoles->output, sizeof(consoles->output),
             "unix:%s/console-3,uid=%u", root, uid);
    if (!store_transaction(xs, fn, consoles))
        return consoles->serial_ports;
    if (!consoles->told)
        log_error("domain %u: its consoles cannot be set up in xenstore: %s",
                  consoles->dm, strerror(errno));
    return -1;
}

int consoles_edit(struct xs_handle *xs, uint32_t guest, uint32_t dm,
                  const char *root, uint32_t uid, uint32_t display_uid)
{
    struct consoles consoles = { .guest = guest, .dm = dm };

    if (display_uid)
        snprintf(consoles.display, sizeof(consoles.display),
                 "unix:%s/console-8,uid=%u", root, display_uid);
    return consoles_set(xs, &consoles, edit_all, root, uid);
}

int consoles_check(struct xs_handle *xs, uint32_t guest, uint32_t dm,
                   const char *root, uint32_t uid)
{
    struct consoles consoles = { .guest = guest, .dm = dm };

    return consoles_set(xs, &consoles, look_at_all, root, uid);
}

bool consoles_are_native(struct xs_handle *xs, uint32_t guest)
{
    char *transport = store_read(xs, XBT_NULL,
                                 "/libxl/%u/stubdom-transport", guest);
    bool native = transport && !strcmp(transport, "console");

    free(transport);
    return native;
}
