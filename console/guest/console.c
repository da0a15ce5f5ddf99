/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console.h"

#include "tools/common/log.h"

#include <assert.h>

static const char *const state_names[] = {
    [CONSOLE_FOREIGN] = "foreign",
    [CONSOLE_FAILED] = "failed",
    [CONSOLE_WAITING] = "waiting",
    [CONSOLE_ADOPTING] = "adopting",
    [CONSOLE_SERVING] = "serving",
    [CONSOLE_PARKED] = "parked",
    [CONSOLE_CLOSED] = "closed",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) ==
              CONSOLE_CLOSED + 1, "one name per state");

const char *console_state_name(enum console_state state)
{
    return state_names[state];
}

void console_set_state(struct console *c, enum console_state state)
{
    bool has_output = state != CONSOLE_FOREIGN && state != CONSOLE_FAILED;

    assert(!c->output == !has_output);
    assert((c->port >= 0) == (state == CONSOLE_ADOPTING ||
                              state == CONSOLE_SERVING));
    if (c->state == state)
        return;
    log_debug("%s: %s -> %s", c->host.label, state_names[c->state],
              state_names[state]);
    c->state = state;
}

void console_queue(struct console *c)
{
    if (c->is_ready)
        return;
    c->is_ready = true;
    TAILQ_INSERT_TAIL(&c->backend->ready, c, ready);
}
