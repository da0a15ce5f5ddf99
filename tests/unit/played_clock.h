/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A clock for loops, which stands until the test moves it; or, in a process
 * that the test forks, while that has something to do: it goes when the test
 * waits for it and it waits for its next timer.
 */
#ifndef XENQMP_TESTS_UNIT_PLAYED_CLOCK_H
#define XENQMP_TESTS_UNIT_PLAYED_CLOCK_H

#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>

#include "tap.h"

/* Shared with that process. */
static struct played_clock {
    _Atomic int64_t now_us;
    _Atomic unsigned int waits; /* so often it had nothing to do */
    _Atomic int left_ms;        /* until its next timer; -1: it has none */
} *played_clock;

__attribute__((constructor)) static void played_clock_init(void)
{
    played_clock = mmap(NULL, sizeof(*played_clock), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (played_clock == MAP_FAILED)
        abort();
    played_clock->now_us = 1000000;
}

static int played_clock_gettime(clockid_t clock, struct timespec *now_r)
{
    int64_t us = played_clock->now_us;

    (void)clock;
    *now_r = (struct timespec){ us / 1000000, us % 1000000 * 1000 };
    return 0;
}

static int played_epoll_wait(int fd, struct epoll_event *events, int n,
                             int timeout_ms)
{
    int r = epoll_wait(fd, events, n, timeout_ms ? 1 : 0);

    if (!r && timeout_ms) {
        played_clock->left_ms = timeout_ms;
        played_clock->waits++;
    }
    return r;
}

#define clock_gettime played_clock_gettime
#define epoll_wait    played_epoll_wait
#include "tools/common/loop.c"
#undef clock_gettime
#undef epoll_wait

__attribute__((unused))
static void clock_move(int64_t ms)
{
    played_clock->now_us += ms * 1000;
}

/* Until that process has done all that there is to do, or something can be
 * read at fd: true. It may have ended then. */
__attribute__((unused))
static bool clock_settle(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    unsigned int waits = played_clock->waits;

    /* In the midst of the first wait there may have come something. */
    while (played_clock->waits - waits < 2)
        if (poll(&p, 1, 1) > 0)
            return true;
    return poll(&p, 1, 0) > 0;
}

/* Time passes until something can be read at fd. */
__attribute__((unused))
static void clock_await(int fd)
{
    while (!clock_settle(fd)) {
        if (played_clock->left_ms < 0)
            tap_fail("nothing will ever come");
        clock_move(played_clock->left_ms);
    }
}

/* So much time passes, unless there is something to read at fd. */
__attribute__((unused))
static bool clock_pass(int fd, int64_t ms)
{
    if (clock_settle(fd))
        return true;
    clock_move(ms);
    return clock_settle(fd);
}

#endif
