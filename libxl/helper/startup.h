/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stubdomain between its first instruction and QEMU's word in xenstore
 * that it runs. libxl waits 30 s for that word and has no ear for any
 * other. If the stubdomain's log says meanwhile that QEMU ended, or that
 * the kernel panicked, that is told, with the log's name.
 */
#ifndef XENQMP_LIBXL_HELPER_STARTUP_H
#define XENQMP_LIBXL_HELPER_STARTUP_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

#include "tools/common/loop.h"

struct startup {
    /* the caller sets */
    struct loop *loop;
    struct xs_handle *xs;
    uint32_t guest, dm;
    void (*over)(void);         /* it is known how it went; last */
    /* readable */
    bool told;                  /* that it failed */
    /* private */
    char *log;                  /* NULL: it is over, or has not begun */
    struct loop_timer look;
    int64_t until_ms;
};

void startup_begin(struct startup *startup);
/* Idempotent, and legal before it began. */
void startup_end(struct startup *startup);

#endif
