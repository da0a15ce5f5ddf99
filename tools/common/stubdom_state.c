/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stubdom_state.h"

#include <stddef.h>

bool stubdom_has_ended(enum stubdom_state state)
{
    return state == STUBDOM_SHUT_DOWN || state == STUBDOM_CRASHED ||
           state == STUBDOM_DESTROYED;
}

const char *stubdom_state_name(enum stubdom_state state)
{
    switch (state) {
    case STUBDOM_RUNS:
        return "running";
    case STUBDOM_PAUSED:
        return "paused";
    case STUBDOM_SHUT_DOWN:
        return "shut down";
    case STUBDOM_CRASHED:
        return "crashed";
    case STUBDOM_DESTROYED:
        return "destroyed";
    case STUBDOM_UNKNOWN:
        break;
    }
    return "unknown";
}

const char *stubdom_state_text(enum stubdom_state state)
{
    switch (state) {
    case STUBDOM_PAUSED:
        return "is paused";
    case STUBDOM_SHUT_DOWN:
        return "has shut down, as it does when its QEMU ends";
    case STUBDOM_CRASHED:
        return "has crashed";
    case STUBDOM_DESTROYED:
        return "has been destroyed";
    case STUBDOM_UNKNOWN:
    case STUBDOM_RUNS:
        break;
    }
    return NULL;
}
