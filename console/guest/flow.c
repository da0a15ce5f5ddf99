/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow.h"

#include "tools/common/fault.h"

/* Four rings: enough to make the turn's fixed cost small, and with a
 * hundred busy guests still less than a millisecond between turns. */
#define FLOW_BUDGET (4 * RING_OUT_SIZE)

/* Events that move nothing cost a system call or two each. A guest that
 * works has one for each that does at most: what it was about may have been
 * seen before. One that has so many more in a period gets its port back
 * only at the period's end, 640 events a second at most. */
#define FLOW_IDLE_EVENTS    64
#define FLOW_IDLE_PERIOD_MS 100

/* A disk that takes longer has the guest go on, at its log's expense. */
#define FLOW_LOG_SLOW_MS 500

static void log_is_slow(void *data)
{
    struct console *c = data;

    c->log_slow = true;
    console_queue(c);
}

/* False: the guest is faster than its log, and waits for it. */
static bool log_has_room(struct console *c)
{
    if (!c->log || c->log_slow ||
        logger_queued(c->log) <= LOGGER_QUEUE_MAX - RING_OUT_SIZE)
        return true;
    if (!loop_timer_is_set(&c->log_wait))
        loop_timer_set(&c->backend->loop, &c->log_wait, FLOW_LOG_SLOW_MS,
                       log_is_slow, c);
    return false;
}

void flow_log_written(void *data, enum logger_event event, size_t written,
                      size_t lost)
{
    struct console *c = data;

    (void)event, (void)written, (void)lost;
    c->log_slow = false;
    if (!loop_timer_is_set(&c->log_wait))
        return;
    loop_timer_clear(&c->backend->loop, &c->log_wait);
    console_queue(c);
}

/* Takes what the output takes of the ring's bytes, at most max. How many;
 * -1: bad counters. */
static ssize_t out_step(struct console *c, size_t max)
{
    char bytes[RING_OUT_SIZE];
    size_t taken, want = max < sizeof(bytes) ? max : sizeof(bytes);
    ssize_t n = ring_out_peek(&c->ring, bytes, want);

    if (n <= 0)
        return n;
    FAULT("out-copied");
    if (!log_has_room(c))
        return 0;
    taken = output_put(c->output, bytes, (size_t)n);
    if (!taken)
        return 0;
    c->counters.received += taken;
    if (c->log)
        logger_queue(c->log, bytes, taken);
    FAULT("out-taken");
    ring_out_consume(&c->ring, taken);
    FAULT("out-consumed");
    return (ssize_t)taken;
}

/* Likewise towards the guest. *more_r: the output may have more than that. */
static ssize_t in_step(struct console *c, bool *more_r)
{
    char bytes[RING_IN_SIZE];
    ssize_t room = ring_in_room(&c->ring);
    size_t n;

    *more_r = false;
    if (room <= 0)
        return room;
    n = output_get(c->output, bytes, (size_t)room);
    if (!n)
        return 0;
    FAULT("in-read");
    ring_in_put(&c->ring, bytes, n);
    FAULT("in-put");
    c->counters.sent += n;
    *more_r = n == (size_t)room;
    return (ssize_t)n;
}

static void flow_unmask(void *data)
{
    struct console *c = data;

    c->idle_since_ms = loop_now_ms();
    c->idle_events = 0;
    if (c->port >= 0)
        hv_unmask(c->backend->hv, c->port);
}

/* The event has been handled; moved: it was worth something. */
static void event_done(struct console *c, bool moved)
{
    int64_t now;

    c->event = false;
    if (moved) {
        c->idle_events -= c->idle_events > 0;
    } else {
        now = loop_now_ms();
        if (now - c->idle_since_ms >= FLOW_IDLE_PERIOD_MS) {
            c->idle_since_ms = now;
            c->idle_events = 0;
        }
        if (++c->idle_events > FLOW_IDLE_EVENTS &&
            !loop_timer_set(&c->backend->loop, &c->unmask,
                            c->idle_since_ms + FLOW_IDLE_PERIOD_MS - now,
                            flow_unmask, c))
            return;
    }
    hv_unmask(c->backend->hv, c->port);
}

void flow_event(struct console *c)
{
    c->event = true;
    console_queue(c);
}

/* True if the guest has taken bytes that were put into its ring: so often
 * at most as there were such bytes, whatever it does to its counter. */
static bool guest_took(struct console *c)
{
    ssize_t room = ring_in_room(&c->ring);
    uint32_t taken = c->ring.in_prod - (uint32_t)RING_IN_SIZE +
                     (uint32_t)room;

    if (room < 0 || (int32_t)(taken - c->in_taken) <= 0)
        return false;
    c->in_taken = taken;
    return true;
}

bool flow_turn(struct console *c)
{
    size_t budget = FLOW_BUDGET;
    bool moved, more, room;
    ssize_t n, in;

    if (!c->output)
        return true;
    if (c->state != CONSOLE_SERVING) {
        output_poll(c->output, false);
        return true;
    }
    moved = guest_took(c);
    do {
        n = out_step(c, budget);
        in = n < 0 ? 0 : in_step(c, &more);
        if (n < 0 || in < 0)
            return false;
        /* At once: the guest may be waiting for this room. */
        if (n || in)
            hv_notify(c->backend->hv, c->port);
        moved |= n || in;
        budget -= (size_t)n < budget ? (size_t)n : budget;
    } while (n && budget);

    /* What a file takes its time for is not the guest's fault; its next
     * event can wait as well. */
    if (c->event && !output_is_busy(c->output) && log_has_room(c))
        event_done(c, moved);
    room = ring_in_room(&c->ring) > 0;
    output_poll(c->output, room);
    /* Over budget, or the output had more than the ring took: what stays
     * comes with the guest's next event, the former by ourselves. */
    if (!budget || (more && room))
        console_queue(c);
    return true;
}

bool flow_drain(struct console *c)
{
    ssize_t n = 0;

    if (c->state != CONSOLE_SERVING)
        return true;
    for (size_t left = RING_OUT_SIZE; left; left -= (size_t)n) {
        n = out_step(c, left);
        if (n <= 0)
            break;
        hv_notify(c->backend->hv, c->port);
    }
    return n >= 0;
}

void flow_settle(struct console *c)
{
    if (c->state != CONSOLE_SERVING || !output_has_written(c->output))
        return;
    /* The log's last words can't wait for its disk any more. */
    c->log_slow = true;
    if (out_step(c, RING_OUT_SIZE) > 0)
        hv_notify(c->backend->hv, c->port);
}

size_t flow_pending(const struct console *c)
{
    ssize_t n = c->state == CONSOLE_SERVING ? ring_out_pending(&c->ring) : 0;

    return n > 0 ? (size_t)n : 0;
}

void flow_stop(struct console *c)
{
    loop_timer_clear(&c->backend->loop, &c->unmask);
    loop_timer_clear(&c->backend->loop, &c->log_wait);
    c->event = false;
}
