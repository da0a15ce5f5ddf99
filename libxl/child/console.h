/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection to xenconsoled's socket for a console: bytes in,
 * bytes out, made again for ever whenever it is lost.
 */
#ifndef XENQMP_LIBXL_CHILD_CONSOLE_H
#define XENQMP_LIBXL_CHILD_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/common/loop.h"
#include "libxl/qmp/buf.h"

/* Between attempts to reach xenconsoled: at once when it merely
 * restarts, and next to nothing when it is down for good. */
#define CONSOLE_CONNECT_FIRST_MS 50
#define CONSOLE_CONNECT_LAST_MS  1000
/* xenconsoled missing for so many attempts in a row gets a log line. */
#define CONSOLE_CONNECT_WARN     10
/* Bytes read at a time. */
#define CONSOLE_CHUNK            65536

/* None of these is called from within a console_...() function. */
struct console_hooks {
    void (*connected)(void *data);
    void (*lost)(void *data, const char *why);
    void (*bytes)(void *data, const char *bytes, size_t n);
    /* Some of the output has gone. */
    void (*drained)(void *data);
};

struct console {
    /* the caller sets */
    struct loop *loop;
    const char *path;
    uint32_t dm_domid;          /* for log lines; */
    const char *name;           /* as well: "console 3 (QMP)" */
    size_t max;                 /* bytes that console_put() may queue */
    const struct console_hooks *hooks;
    void *data;
    /* readable */
    struct qmp_buf out;
    uint64_t written;           /* bytes sent in all */
    /* private */
    int fd;                     /* -1: not connected */
    loop_id id;
    struct loop_timer retry;
    int64_t retry_ms;
    unsigned int failures;      /* in a row */
};

/* After the caller's fields were set; starts to connect. -1: no
 * memory. */
int console_init(struct console *console);
/* Idempotent. */
void console_dispose(struct console *console);

bool console_is_connected(const struct console *console);

/* Queues n bytes; all or nothing. *end_r, if wanted, is what `written`
 * will be once they are sent. -1: not connected, or no room. */
int console_put(struct console *console, const char *bytes, size_t n,
                uint64_t *end_r);
/* Forgets what is queued. */
void console_drop_output(struct console *console);
/* The peer has made sense: the next loss is mended at once. */
void console_set_healthy(struct console *console);

#endif
