/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "serial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "consoled.h"
#include "consoles.h"

#define SERIAL_TTY "/local/domain/%u/serial/%d/tty"

/* A daemon that is started again is back by then, with its terminals if a
 * service manager kept them. */
#ifndef SERIAL_LATE_MS
#define SERIAL_LATE_MS 5000
#endif

/* A stubdomain that writes its key all the time has it read so often. */
#define SERIAL_GAP_MS 100

struct forward {
    const struct serial *serial;
    int port;
    bool served;
};

/* Where there is something, or something to say. */
static bool guest_set(struct xs_handle *xs, xs_transaction_t t,
                      const struct forward *forward, const char *tty)
{
    uint32_t guest = forward->serial->guest;
    char *now = store_read(xs, t, SERIAL_TTY, guest, forward->port);
    bool ok = !strcmp(now ? now : "", tty) ||
              store_write_readable(xs, t, guest, tty, SERIAL_TTY, guest,
                                   forward->port);

    free(now);
    return ok;
}

/* One that the stubdomain has removed, or made, stays its affair. */
static bool console_set(struct xs_handle *xs, xs_transaction_t t,
                        const struct forward *forward, const char *tty)
{
    uint32_t dm = forward->serial->dm;
    char *now = store_read(xs, t, CONSOLE_FRONTEND "/tty", dm, CONSOLE_QMP);
    bool ok = !now || !strcmp(now, tty) ||
              store_write(xs, t, tty, CONSOLE_FRONTEND "/tty", dm,
                          CONSOLE_QMP);

    free(now);
    return ok;
}

static int forward_in(struct xs_handle *xs, xs_transaction_t t, void *data)
{
    const struct forward *forward = data;
    const struct serial *serial = forward->serial;
    char *found = NULL;
    const char *tty;
    bool ok;

    if (forward->served)
        found = store_read(xs, t, CONSOLE_FRONTEND "/tty", serial->dm,
                           CONSOLE_SERIAL + forward->port);
    tty = found ? found : "";
    ok = guest_set(xs, t, forward, tty);
    if (ok && forward->port == 0 && !consoles_are_native(xs, serial->guest))
        ok = console_set(xs, t, forward, tty);
    free(found);
    return ok ? 0 : -1;
}

void serial_forward(struct serial *serial, int i, bool served)
{
    struct forward forward = { serial, i, served };

    /* If xenstored has gone, nobody reads it either. */
    (void)store_transaction(serial->xs, forward_in, &forward);
}

static void forward_all(struct serial *serial, bool served)
{
    for (int i = 0; i < serial->ports; i++)
        serial_forward(serial, i, served);
}

static void daemon_forget(struct serial *serial)
{
    if (serial->daemon_id == LOOP_NONE)
        return;
    loop_del(serial->loop, &serial->daemon_id);
    close(serial->daemon);
}

static void daemon_ended(void *data, uint32_t events);

/* Whether one runs; errno if not. */
static bool daemon_find(struct serial *serial)
{
    int error;

    if (serial->daemon_id != LOOP_NONE)
        return true;
    serial->daemon = consoled_pidfd(serial->consoled);
    if (serial->daemon < 0)
        return false;
    if (loop_add(serial->loop, serial->daemon, EPOLLIN, daemon_ended,
                 serial, &serial->daemon_id)) {
        error = errno;
        close(serial->daemon);
        errno = error;
        return false;
    }
    loop_timer_clear(serial->loop, &serial->late);
    return true;
}

static void daemon_is_late(void *data)
{
    struct serial *serial = data;

    if (daemon_find(serial))
        forward_all(serial, true);
    else if (errno == EAGAIN)
        loop_timer_set(serial->loop, &serial->late, SERIAL_LATE_MS,
                       daemon_is_late, serial);
    else
        forward_all(serial, false);
}

/* Terminals that have gone with it go at once; the others have been kept,
 * and are the next daemon's, or are another's already. */
static void withdraw_gone(struct serial *serial)
{
    for (int i = 0; i < serial->ports; i++) {
        char *tty = store_read(serial->xs, XBT_NULL, SERIAL_TTY,
                               serial->guest, i);

        if (tty && *tty && access(tty, F_OK))
            serial_forward(serial, i, false);
        free(tty);
    }
}

static void daemon_ended(void *data, uint32_t events)
{
    struct serial *serial = data;

    (void)events;
    daemon_forget(serial);
    if (daemon_find(serial)) {
        forward_all(serial, true);
        return;
    }
    withdraw_gone(serial);
    loop_timer_set(serial->loop, &serial->late, SERIAL_LATE_MS,
                   daemon_is_late, serial);
}

bool serial_watch(struct serial *serial)
{
    char path[STORE_PATH_MAX];

    for (int i = 0; i < serial->ports; i++) {
        snprintf(path, sizeof(path), CONSOLE_FRONTEND "/tty", serial->dm,
                 CONSOLE_SERIAL + i);
        if (!xs_watch(serial->xs, path, SERIAL_TOKEN))
            return false;
    }
    return true;
}

static void follow(void *data)
{
    struct serial *serial = data;

    serial->followed_ms = loop_now_ms();
    /* One that has just come, or is about to go, is looked for again. */
    if (daemon_find(serial))
        forward_all(serial, true);
    else if (!loop_timer_is_set(&serial->late))
        loop_timer_set(serial->loop, &serial->late, SERIAL_LATE_MS,
                       daemon_is_late, serial);
}

void serial_follow(struct serial *serial)
{
    int64_t left = serial->followed_ms + SERIAL_GAP_MS - loop_now_ms();

    if (!serial->ports || loop_timer_is_set(&serial->again))
        return;
    if (!serial->followed_ms || left <= 0 ||
        loop_timer_set(serial->loop, &serial->again, left, follow, serial))
        follow(serial);
}

void serial_withdraw(struct serial *serial)
{
    forward_all(serial, false);
}

void serial_end(struct serial *serial)
{
    if (!serial->loop)
        return;
    loop_timer_clear(serial->loop, &serial->late);
    loop_timer_clear(serial->loop, &serial->again);
    daemon_forget(serial);
}
