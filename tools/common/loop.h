/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One epoll loop with timers, for the programs of xenqmp.
 *
 * epoll carries a slot's index and generation, never a pointer: an event
 * that was fetched before its descriptor was removed finds another
 * generation and is dropped. A handler may therefore add and remove any
 * descriptor and any timer, its own included.
 *
 * Level triggered. EPOLLERR and EPOLLHUP reach the handler always.
 * Single-threaded. Errors: functions that can fail return -1 with errno.
 */
#ifndef XENQMP_TOOLS_COMMON_LOOP_H
#define XENQMP_TOOLS_COMMON_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

typedef void loop_fd_fn(void *data, uint32_t events);
typedef void loop_timer_fn(void *data);

/* Names a registration; LOOP_NONE is none and legal everywhere. */
typedef uint64_t loop_id;
#define LOOP_NONE ((loop_id)0)

/* Embedded in its owner. Zero-initialised is "not set". */
struct loop_timer {
    /* private */
    int64_t deadline_ms;
    size_t heap_index;          /* 1-based; 0: not set */
    loop_timer_fn *fn;
    void *data;
};

struct loop {
    /* private */
    int epoll_fd;
    bool stop;
    struct loop_slot *slots;
    size_t slots_n;
    size_t free_head;           /* index + 1 of the first free slot */
    struct loop_timer **heap;   /* 1-based binary heap by deadline */
    size_t heap_n, heap_size;
};

int loop_init(struct loop *loop);
/* Idempotent; descriptors stay their owners'. */
void loop_dispose(struct loop *loop);

/* Watches fd, which stays the caller's and must be removed before it is
 * closed. */
int loop_add(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn,
             void *data, loop_id *id_r);
/* Changes what is waited for; no system call if nothing changes. */
void loop_mod(struct loop *loop, loop_id id, uint32_t events);
/* Sets *id to LOOP_NONE. */
void loop_del(struct loop *loop, loop_id *id);

/* Calls fn once, delay_ms from now (>= 0); replaces an earlier setting. */
int loop_timer_set(struct loop *loop, struct loop_timer *timer,
                   int64_t delay_ms, loop_timer_fn *fn, void *data);
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);
bool loop_timer_is_set(const struct loop_timer *timer);

/* Of CLOCK_MONOTONIC. */
int64_t loop_now_ms(void);
int64_t loop_now_us(void);

/* Waits at most timeout_ms (-1: no limit of its own) and handles one batch
 * of events and the timers due. */
int loop_run_once(struct loop *loop, int timeout_ms);
/* Until loop_stop(). */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
