/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How often something may happen: `burst` times at once, then once each
 * `interval_ms`. Times are milliseconds of loop_now_ms().
 */
#ifndef XENQMP_LIBXL_WORKER_PACE_H
#define XENQMP_LIBXL_WORKER_PACE_H

#include <stdint.h>

struct pace {
    int64_t full_ms;            /* private: when nothing is used up */
};

/* 0: it may happen now. Else so many milliseconds are left. */
static inline int64_t pace_wait(const struct pace *pace, int burst,
                                int interval_ms, int64_t now_ms)
{
    int64_t free_ms = pace->full_ms - (int64_t)(burst - 1) * interval_ms;

    return free_ms > now_ms ? free_ms - now_ms : 0;
}

/* It has happened. */
static inline void pace_take(struct pace *pace, int interval_ms,
                             int64_t now_ms)
{
    if (pace->full_ms < now_ms)
        pace->full_ms = now_ms;
    pace->full_ms += interval_ms;
}

#endif
