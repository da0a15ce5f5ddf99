/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supervisor.h"

#include "tools/common/log.h"

#include <systemd/sd-daemon.h>

static void supervisor_alive(void *data)
{
    struct supervisor *s = data;

    sd_notify(0, "WATCHDOG=1");
    if (loop_timer_set(s->loop, &s->timer, s->period_ms, supervisor_alive,
                       s))
        log_error("out of memory: the service manager will not hear from "
                  "us");
}

void supervisor_ready(struct supervisor *s, struct loop *loop)
{
    uint64_t usec;

    s->loop = loop;
    sd_notify(0, "READY=1");
    if (sd_watchdog_enabled(1, &usec) <= 0)
        return;
    s->period_ms = (int64_t)(usec / 2000);
    supervisor_alive(s);
}

void supervisor_stopping(struct supervisor *s)
{
    if (s->loop)
        loop_timer_clear(s->loop, &s->timer);
    sd_notify(0, "STOPPING=1");
}
