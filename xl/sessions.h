/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the QMP sessions and displays of guests with stubdomains have done:
 * each guest's qmp-helper counts it, and is asked (docs/qmp-sockets.md).
 */
#ifndef XENQMP_XL_SESSIONS_H
#define XENQMP_XL_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host.h"
#include "libxl/qmp/buf.h"
#include "xl_qmp.h"

#define SESSION_COUNTS_N 8
#define DISPLAY_COUNTS_N 5

struct session {
    uint32_t domid;
    char *domain;               /* its name; NULL: unknown */
    bool answers;               /* its qmp-helper */
    bool up;                    /* there is a session with QEMU */
    uint64_t count[SESSION_COUNTS_N];
    bool display;               /* there is one, with these: */
    uint64_t display_count[DISPLAY_COUNTS_N];   /* viewers first */
};

/* Zero-initialised. */
struct sessions {
    /* readable */
    struct session *session;
    size_t n;
    bool no_memory;
};

void sessions_dispose(struct sessions *sessions);

/* Asks for that guest's. One that does not answer costs a second. What it
 * returns is valid until the next; NULL: no_memory. */
const struct session *
sessions_ask(struct sessions *sessions, struct host *host,
             const struct options *options, uint32_t domid);

/* One table for QMP and, if any guest has one, one for displays. */
void sessions_table(struct qmp_buf *text, const struct sessions *sessions);
void sessions_metrics(struct qmp_buf *text,
                      const struct sessions *sessions);

#endif
