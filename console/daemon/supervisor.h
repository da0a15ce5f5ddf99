/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the service manager is told: ready, alive, stopping. Without one
 * all of this does nothing.
 */
#ifndef XENQMP_CONSOLE_DAEMON_SUPERVISOR_H
#define XENQMP_CONSOLE_DAEMON_SUPERVISOR_H

#include "tools/common/loop.h"

struct supervisor {
    /* private */
    struct loop *loop;
    struct loop_timer timer;
    int64_t period_ms;
};

/* The daemon serves; from here on the loop says that it is alive, twice as
 * often as it is asked to. */
void supervisor_ready(struct supervisor *supervisor, struct loop *loop);
void supervisor_stopping(struct supervisor *supervisor);

#endif
