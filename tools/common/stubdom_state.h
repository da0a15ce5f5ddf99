/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a stubdomain is, as Xen has it, and how that is said. */
#ifndef XENQMP_TOOLS_COMMON_STUBDOM_STATE_H
#define XENQMP_TOOLS_COMMON_STUBDOM_STATE_H

#include <stdbool.h>

/* A byte each: so qmp-helper's parent tells it to its worker. */
enum stubdom_state {
    /* Nobody has asked. */
    STUBDOM_UNKNOWN = 0,
    /* As far as Xen knows; suspended, too. */
    STUBDOM_RUNS = 'r',
    /* By hand, or it was not started yet. */
    STUBDOM_PAUSED = 'p',
    /* By itself, as it does when its QEMU ends. Xen keeps it until somebody
     * destroys it, and so in CRASHED. */
    STUBDOM_SHUT_DOWN = 's',
    STUBDOM_CRASHED = 'c',
    /* There is none any more. */
    STUBDOM_DESTROYED = 'd',
};

/* Its QEMU will not answer any more. */
bool stubdom_has_ended(enum stubdom_state state);

/* A word for it: "running". */
const char *stubdom_state_name(enum stubdom_state state);
/* What follows "the stubdomain ": a sentence's verb and its end. NULL if
 * there is nothing to say. */
const char *stubdom_state_text(enum stubdom_state state);

#endif
