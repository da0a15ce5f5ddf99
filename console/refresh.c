/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refresh.h"

#include "domains.h"
#include "log.h"
#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Setting a console up causes a dozen events, most of which come within
 * this. */
#ifndef REFRESH_GAP_MS
#define REFRESH_GAP_MS 40
#endif

/* A guest has so many readings, and for each of its consoles so many more,
 * before it is noisy: one that connects has two to four. A second without a
 * change gives one back. */
#define NOISE_FREE      16
#define NOISE_FREE_EACH 4
/* From then on each doubles the gap to the next, 6 times: 2.5 seconds. */
#define NOISE_STEPS     6

/* A console that has more while it waits is not watched until it is read:
 * more than anybody causes by setting it up. */
#define EVENTS_MAX 64

/* After a reading that took t, noisy guests have none for so many t. Half a
 * percent: even if each reading delays a byte on another console, that is
 * not one byte in a hundred. */
#define REFRESH_PACE 200
/* And for no longer than that: a reading may have been slow by chance. */
#define PAUSE_MAX_MS 2000

static struct refresh_account *account_of(const struct console *c)
{
    return &domains_find(c->server, c->domid)->account;
}

static unsigned int noise_free(const struct console *c)
{
    const struct domain *d = domains_find(c->server, c->domid);

    return NOISE_FREE + NOISE_FREE_EACH * d->consoles_n;
}

/* How much more the guest has had read than anybody needs, in steps. */
static unsigned int noise_over(const struct console *c)
{
    unsigned int noise = account_of(c)->noise, most = noise_free(c);

    return noise > most ? noise - most : 0;
}

static void watch_of(const struct console *c, char *path, size_t path_size,
                     char *token, size_t token_size)
{
    keys_frontend_path(path, path_size, c->domid, c->n, NULL);
    snprintf(token, token_size, "c/%" PRIu32 "/%u", c->domid, c->n);
}

static void console_watch(struct console *c)
{
    char path[STORE_PATH_MAX], token[32];

    if (c->refresh.watched)
        return;
    watch_of(c, path, sizeof(path), token, sizeof(token));
    c->refresh.watched = xs_watch(c->server->xs, path, token);
    c->refresh.greetings += c->refresh.watched;
    if (!c->refresh.watched)
        log_guest(c->domid, LOG_LEVEL_ERROR, "%s is not followed: cannot "
                  "watch %s: %s", c->host.label, path, strerror(errno));
}

static void console_unwatch(struct console *c)
{
    char path[STORE_PATH_MAX], token[32];

    if (!c->refresh.watched)
        return;
    watch_of(c, path, sizeof(path), token, sizeof(token));
    xs_unwatch(c->server->xs, path, token);
    c->refresh.watched = false;
}

static void dequeue(struct console *c)
{
    struct refresh_item *item = &c->refresh;

    if (item->queue)
        TAILQ_REMOVE(item->queue, c, refresh.entry);
    item->queue = NULL;
    loop_timer_clear(&c->server->loop, &item->put_off);
}

static void enqueue(struct console *c)
{
    struct refresh *r = &c->server->refresh;
    struct refresh_item *item = &c->refresh;

    dequeue(c);
    item->queue = !item->by_dom0 && noise_over(c) ? &r->noisy : &r->ready;
    TAILQ_INSERT_TAIL(item->queue, c, refresh.entry);
}

static void put_off_ends(void *data)
{
    enqueue(data);
}

static void part_add(struct console *c, enum keys_part part)
{
    if (part > c->refresh.part)
        c->refresh.part = part;
}

void refresh_by_dom0(struct console *c, enum keys_part part)
{
    if (part == KEYS_NOTHING)
        return;
    part_add(c, part);
    if (!c->refresh.by_dom0 || !c->refresh.queue) {
        c->refresh.by_dom0 = true;
        enqueue(c);
    }
}

void refresh_by_guest(struct console *c, enum keys_part part,
                      bool republished)
{
    struct refresh_account *account = account_of(c);
    struct refresh_item *item = &c->refresh;
    int64_t now = loop_now_ms(), silence = (now - account->event_ms) / 1000;

    account->event_ms = now;
    account->noise -= silence < account->noise ? (unsigned int)silence :
                      account->noise;
    item->republished |= republished;
    /* What comes when it is not watched may be anything. */
    if (++item->events > EVENTS_MAX)
        part = KEYS_ALL;
    if (part == KEYS_NOTHING)
        return;
    part_add(c, part);
    if (item->queue || (loop_timer_is_set(&item->put_off) &&
                        (item->events <= EVENTS_MAX || !item->watched)))
        return;
    enqueue(c);
}

bool refresh_greeted(struct console *c)
{
    if (!c->refresh.greetings)
        return false;
    c->refresh.greetings--;
    return true;
}

static bool noisy_may_run(const struct refresh *r)
{
    return !TAILQ_EMPTY(&r->noisy) && !loop_timer_is_set(&r->pause);
}

bool refresh_is_pending(const struct server *server)
{
    const struct refresh *r = &server->refresh;

    return r->now || !TAILQ_EMPTY(&r->ready) || noisy_may_run(r);
}

/* True if it was read just now, or its guest too often, and will be read
 * later. */
static bool put_off(struct console *c)
{
    struct refresh_item *item = &c->refresh;
    int64_t due = item->read_ms ? item->read_ms + REFRESH_GAP_MS : 0;
    int64_t next = account_of(c)->next_ms, now = loop_now_ms();

    if (!item->by_dom0 && next > due)
        due = next;
    if (due <= now || loop_timer_set(&c->server->loop, &item->put_off,
                                     due - now, put_off_ends, c))
        return false;
    if (item->events > EVENTS_MAX) {
        console_unwatch(c);
        item->republished = true;
    }
    return true;
}

static void account_charge(struct console *c, int64_t now)
{
    struct refresh_account *account = account_of(c);
    unsigned int over;

    if (noise_over(c) < NOISE_STEPS)
        account->noise++;
    over = noise_over(c);
    if (over)
        account->next_ms = now + ((int64_t)REFRESH_GAP_MS << over);
}

static void reading_start(struct console *c)
{
    struct refresh *r = &c->server->refresh;
    struct refresh_item *item = &c->refresh;
    int64_t now = loop_now_ms();

    r->now = c;
    r->on_guest = !item->by_dom0;
    r->republished = item->republished;
    r->spent_us = 0;
    if (r->on_guest)
        account_charge(c, now);
    /* Before it is read: what changes later comes with an event. */
    console_watch(c);
    /* A guest that collides gets no second try; nor does dom0, which has
     * its own reading then. */
    keys_reading_start(&r->reading, c->server->xs, c->domid, c->n,
                       item->part, r->on_guest ? 1 : KEYS_TRIES);
    item->part = KEYS_NOTHING;
    item->by_dom0 = item->republished = false;
    item->events = 0;
    item->read_ms = now;
}

/* The first that is not put off, or none. */
static void reading_choose(struct refresh *r)
{
    struct console *c = TAILQ_FIRST(&r->ready);

    if (!c && noisy_may_run(r))
        c = TAILQ_FIRST(&r->noisy);
    if (!c)
        return;
    dequeue(c);
    if (!put_off(c))
        reading_start(c);
}

static void pause_ends(void *data)
{
    (void)data;
}

/* True if the console is there still. */
static bool reading_end(struct refresh *r)
{
    struct console *c = r->now;
    int64_t pause;
    bool present;

    r->now = NULL;
    /* What dom0 has written stays as it is until that is read again. */
    if (r->on_guest && r->reading.known && !r->reading.agreed) {
        r->reading.part = KEYS_RING;
        refresh_by_guest(c, KEYS_ALL, false);
    }
    present = console_follow(c, &r->reading, !r->on_guest, r->republished);
    keys_reading_dispose(&r->reading);
    if (r->on_guest && noise_over(c)) {
        pause = r->spent_us * REFRESH_PACE / 1000;
        loop_timer_set(&c->server->loop, &r->pause, pause < PAUSE_MAX_MS ?
                       pause : PAUSE_MAX_MS, pause_ends, NULL);
    }
    return present;
}

struct console *refresh_step(struct server *server)
{
    struct refresh *r = &server->refresh;
    struct console *c = r->now;
    int64_t start = loop_now_us();
    bool present = true, done = false;

    if (!c)
        reading_choose(r);
    else
        done = keys_reading_step(&r->reading);
    r->spent_us += loop_now_us() - start;
    if (done)
        present = reading_end(r);
    return present ? NULL : c;
}

void refresh_forget(struct console *c)
{
    struct refresh *r = &c->server->refresh;

    dequeue(c);
    if (r->now == c)
        keys_reading_dispose(&r->reading);
    if (r->now == c)
        r->now = NULL;
    console_unwatch(c);
}

void refresh_init(struct server *server)
{
    TAILQ_INIT(&server->refresh.ready);
    TAILQ_INIT(&server->refresh.noisy);
}
