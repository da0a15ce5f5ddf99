/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Events fetched by one epoll_wait(): bounds how long a timer can be late. */
#define LOOP_BATCH 64

struct loop_slot {
    int fd;                     /* -1: free */
    uint32_t generation;        /* of the present use, from 1 */
    uint32_t events;
    size_t next_free;           /* as loop.free_head */
    loop_fd_fn *fn;
    void *data;
};

int loop_init(struct loop *loop)
{
    memset(loop, 0, sizeof(*loop));
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return loop->epoll_fd < 0 ? -1 : 0;
}

void loop_dispose(struct loop *loop)
{
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    free(loop->slots);
    free(loop->heap);
    memset(loop, 0, sizeof(*loop));
    loop->epoll_fd = -1;
}

static loop_id id_make(size_t index, uint32_t generation)
{
    return (uint64_t)generation << 32 | (uint32_t)index;
}

static struct loop_slot *slot_find(struct loop *loop, loop_id id)
{
    size_t index = (uint32_t)id;
    struct loop_slot *slot = &loop->slots[index];

    if (id == LOOP_NONE || index >= loop->slots_n || slot->fd < 0 ||
        slot->generation != id >> 32)
        return NULL;
    return slot;
}

static int slots_grow(struct loop *loop)
{
    size_t n = loop->slots_n ? 2 * loop->slots_n : 16;
    struct loop_slot *slots = realloc(loop->slots, n * sizeof(*slots));

    if (!slots)
        return -1;
    for (size_t i = n; i-- > loop->slots_n;) {
        slots[i] = (struct loop_slot){ .fd = -1,
                                       .next_free = loop->free_head };
        loop->free_head = i + 1;
    }
    loop->slots = slots;
    loop->slots_n = n;
    return 0;
}

int loop_add(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn,
             void *data, loop_id *id_r)
{
    struct epoll_event ev = { .events = events };
    struct loop_slot *slot;
    size_t index;

    if (!loop->free_head && slots_grow(loop))
        return -1;
    index = loop->free_head - 1;
    slot = &loop->slots[index];

    ev.data.u64 = id_make(index, slot->generation + 1);
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
        return -1;
    loop->free_head = slot->next_free;
    slot->fd = fd;
    slot->generation++;
    slot->events = events;
    slot->fn = fn;
    slot->data = data;
    *id_r = ev.data.u64;
    return 0;
}

void loop_mod(struct loop *loop, loop_id id, uint32_t events)
{
    struct loop_slot *slot = slot_find(loop, id);
    struct epoll_event ev = { .events = events, .data.u64 = id };

    if (!slot || slot->events == events)
        return;
    if (!epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, slot->fd, &ev))
        slot->events = events;
}

void loop_del(struct loop *loop, loop_id *id)
{
    struct loop_slot *slot = slot_find(loop, *id);

    if (slot) {
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, slot->fd, NULL);
        slot->fd = -1;
        slot->next_free = loop->free_head;
        loop->free_head = (size_t)(slot - loop->slots) + 1;
    }
    *id = LOOP_NONE;
}

int64_t loop_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t loop_now_ms(void)
{
    return loop_now_us() / 1000;
}

static void heap_put(struct loop *loop, struct loop_timer *timer, size_t i)
{
    loop->heap[i] = timer;
    timer->heap_index = i;
}

static void heap_up(struct loop *loop, struct loop_timer *timer, size_t i)
{
    while (i > 1 && loop->heap[i / 2]->deadline_ms > timer->deadline_ms) {
        heap_put(loop, loop->heap[i / 2], i);
        i /= 2;
    }
    heap_put(loop, timer, i);
}

static void heap_down(struct loop *loop, struct loop_timer *timer, size_t i)
{
    for (size_t child = 2 * i; child <= loop->heap_n; child = 2 * i) {
        if (child < loop->heap_n && loop->heap[child + 1]->deadline_ms <
                                    loop->heap[child]->deadline_ms)
            child++;
        if (loop->heap[child]->deadline_ms >= timer->deadline_ms)
            break;
        heap_put(loop, loop->heap[child], i);
        i = child;
    }
    heap_put(loop, timer, i);
}

bool loop_timer_is_set(const struct loop_timer *timer)
{
    return timer->heap_index;
}

void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
    size_t i = timer->heap_index;
    struct loop_timer *last;

    if (!i)
        return;
    timer->heap_index = 0;
    last = loop->heap[loop->heap_n--];
    if (last == timer)
        return;
    if (i > 1 && loop->heap[i / 2]->deadline_ms > last->deadline_ms)
        heap_up(loop, last, i);
    else
        heap_down(loop, last, i);
}

int loop_timer_set(struct loop *loop, struct loop_timer *timer,
                   int64_t delay_ms, loop_timer_fn *fn, void *data)
{
    loop_timer_clear(loop, timer);
    if (loop->heap_n + 2 > loop->heap_size) {
        size_t size = loop->heap_size ? 2 * loop->heap_size : 16;
        struct loop_timer **heap = realloc(loop->heap,
                                           size * sizeof(*heap));

        if (!heap)
            return -1;
        loop->heap = heap;
        loop->heap_size = size;
    }
    timer->deadline_ms = loop_now_ms() + delay_ms;
    timer->fn = fn;
    timer->data = data;
    heap_up(loop, timer, ++loop->heap_n);
    return 0;
}

static int wait_ms(const struct loop *loop, int timeout_ms)
{
    int64_t left;

    if (!loop->heap_n)
        return timeout_ms;
    left = loop->heap[1]->deadline_ms - loop_now_ms();
    if (left < 0)
        left = 0;
    if (timeout_ms >= 0 && timeout_ms < left)
        return timeout_ms;
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

int loop_run_once(struct loop *loop, int timeout_ms)
{
    struct epoll_event events[LOOP_BATCH];
    int64_t now;
    int n;

    n = epoll_wait(loop->epoll_fd, events, LOOP_BATCH,
                   wait_ms(loop, timeout_ms));
    if (n < 0)
        return errno == EINTR ? 0 : -1;

    for (int i = 0; i < n; i++) {
        struct loop_slot *slot = slot_find(loop, events[i].data.u64);

        if (slot)
            slot->fn(slot->data, events[i].events);
    }

    /* As many as are set now: one that sets itself again with no delay
     * waits for the next turn. */
    now = loop_now_ms();
    for (size_t left = loop->heap_n; left && loop->heap_n; left--) {
        struct loop_timer *timer = loop->heap[1];

        if (timer->deadline_ms > now)
            break;
        loop_timer_clear(loop, timer);
        timer->fn(timer->data);
    }
    return 0;
}

int loop_run(struct loop *loop)
{
    loop->stop = false;
    while (!loop->stop)
        if (loop_run_once(loop, -1))
            return -1;
    return 0;
}

void loop_stop(struct loop *loop)
{
    loop->stop = true;
}
