/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/common/loop.h"

#include <fcntl.h>

#include "tap.h"

static struct loop loop;
static int calls, others;
static loop_id other_id;
static struct loop_timer timers[100];

static void count(void *data, uint32_t events)
{
    (void)events;
    (*(int *)data)++;
}

static void remove_other(void *data, uint32_t events)
{
    (void)data;
    (void)events;
    calls++;
    loop_del(&loop, &other_id);
}

static void make_pipe(int fds[2])
{
    check_int(pipe2(fds, O_NONBLOCK), 0);
}

TEST(an_event_reaches_its_handler)
{
    int fds[2];
    loop_id id;

    check_int(loop_init(&loop), 0);
    make_pipe(fds);
    check_int(loop_add(&loop, fds[0], EPOLLIN, count, &calls, &id), 0);
    check_int(loop_run_once(&loop, 0), 0);
    check_int(calls, 0);
    check_int(write(fds[1], "x", 1), 1);
    check_int(loop_run_once(&loop, -1), 0);
    check_int(calls, 1);
    loop_mod(&loop, id, 0);
    check_int(loop_run_once(&loop, 0), 0);
    check_int(calls, 1);
    loop_mod(&loop, id, EPOLLIN);
    check_int(loop_run_once(&loop, 0), 0);
    check_int(calls, 2);
    loop_del(&loop, &id);
    check(id == LOOP_NONE);
    check_int(loop_run_once(&loop, 0), 0);
    check_int(calls, 2);
    loop_dispose(&loop);
    loop_dispose(&loop);
}

/* Both descriptors are ready in one batch; the first handler removes the
 * second, whose event is then nobody's. */
TEST(an_event_fetched_before_its_removal_is_dropped)
{
    int a[2], b[2];
    loop_id id;

    check_int(loop_init(&loop), 0);
    make_pipe(a);
    make_pipe(b);
    check_int(loop_add(&loop, a[0], EPOLLIN, remove_other, NULL, &id), 0);
    check_int(loop_add(&loop, b[0], EPOLLIN, count, &others, &other_id), 0);
    check_int(write(a[1], "x", 1), 1);
    check_int(write(b[1], "x", 1), 1);
    check_int(loop_run_once(&loop, -1), 0);
    check_int(calls, 1);
    check_int(others, 0);
}

static void replace_other(void *data, uint32_t events)
{
    int *fds = data;

    (void)events;
    loop_del(&loop, &other_id);
    /* The same slot, and even the same descriptor number. */
    check_int(loop_add(&loop, fds[0], EPOLLOUT, count, &calls,
                       &other_id), 0);
}

TEST(an_event_of_an_earlier_use_of_a_slot_is_dropped)
{
    int a[2], b[2], c[2];
    loop_id id;

    check_int(loop_init(&loop), 0);
    make_pipe(a);
    make_pipe(b);
    make_pipe(c);
    check_int(loop_add(&loop, a[0], EPOLLIN, replace_other, c, &id), 0);
    check_int(loop_add(&loop, b[0], EPOLLIN, count, &others, &other_id), 0);
    check_int(write(a[1], "x", 1), 1);
    check_int(write(b[1], "x", 1), 1);
    check_int(loop_run_once(&loop, -1), 0);
    check_int(others, 0);
    check_int(calls, 0);
}

static int order[100], order_n;

static void note(void *data)
{
    order[order_n++] = (int)((struct loop_timer *)data - timers);
}

TEST(timers_come_in_the_order_of_their_deadlines)
{
    check_int(loop_init(&loop), 0);
    for (int i = 0; i < 100; i++)
        check_int(loop_timer_set(&loop, &timers[i], (i * 37) % 100, note,
                                 &timers[i]), 0);
    for (int i = 0; i < 100; i += 3)
        loop_timer_clear(&loop, &timers[i]);
    check(!loop_timer_is_set(&timers[0]));
    check(loop_timer_is_set(&timers[1]));
    while (order_n < 66)
        check_int(loop_run_once(&loop, -1), 0);
    for (int i = 1; i < order_n; i++) {
        check(timers[order[i - 1]].deadline_ms <=
              timers[order[i]].deadline_ms);
        check(order[i] % 3);
    }
    check_int(loop_run_once(&loop, 0), 0);
    check_int(order_n, 66);
}

static void again(void *data)
{
    calls++;
    check_int(loop_timer_set(&loop, data, 0, again, data), 0);
}

TEST(a_timer_that_sets_itself_again_does_not_hold_the_loop)
{
    check_int(loop_init(&loop), 0);
    check_int(loop_timer_set(&loop, &timers[0], 0, again, &timers[0]), 0);
    check_int(loop_run_once(&loop, -1), 0);
    check_int(calls, 1);
}

static void stop(void *data)
{
    loop_stop(data);
}

TEST(the_loop_runs_until_it_is_stopped)
{
    check_int(loop_init(&loop), 0);
    check_int(loop_timer_set(&loop, &timers[0], 1, stop, &loop), 0);
    check_int(loop_run(&loop), 0);
}

TAP_MAIN()
