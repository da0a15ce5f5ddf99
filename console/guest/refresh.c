/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refresh.h"

#include "tools/common/log.h"
#include "console/xen/store.h"

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

/* A guest that has more for each of its consoles while they wait is not
 * watched until one is read: more than anybody causes by setting it up. */
#define EVENTS_MAX 64

/* After a reading that took t, noisy guests have none for so many t. Half a
 * percent: even if each reading delays a byte on another console, that is
 * not one byte in a hundred. */
#define REFRESH_PACE 200
/* And for no longer than that: a reading may have been slow by chance. */
#define PAUSE_MAX_MS 2000

static unsigned int noise_free(const struct refresh_item *item)
{
    return NOISE_FREE + NOISE_FREE_EACH * item->account->consoles_n;
}

/* How much more the guest has had read than anybody needs, in steps. */
static unsigned int noise_over(const struct refresh_item *item)
{
    unsigned int noise = item->account->noise, most = noise_free(item);

    return noise > most ? noise - most : 0;
}

/* True if it has changed more than is looked at one by one. */
static bool is_flood(const struct refresh_account *account)
{
    return account->events > EVENTS_MAX * account->consoles_n;
}

static enum refresh_kind kind_of(const struct refresh_item *item)
{
    return item->n ? REFRESH_OTHERS : REFRESH_PRIMARY;
}

static struct refresh_watch *watch_of(const struct refresh_item *item)
{
    return &item->account->watches[kind_of(item)];
}

static void watch_name(const struct refresh_item *item, char *path,
                       size_t path_size, char *token, size_t token_size)
{
    keys_watched_path(path, path_size, item->domid, item->n);
    snprintf(token, token_size, "c/%" PRIu32 "/%u", item->domid,
             (unsigned int)kind_of(item));
}

static void item_unwatch(struct refresh_item *item)
{
    char path[STORE_PATH_MAX], token[32];

    if (!watch_of(item)->set)
        return;
    watch_name(item, path, sizeof(path), token, sizeof(token));
    xs_unwatch(item->refresh->xs, path, token);
    watch_of(item)->set = false;
}

static void dequeue(struct refresh_item *item)
{
    if (item->queue)
        TAILQ_REMOVE(item->queue, item, entry);
    item->queue = NULL;
    loop_timer_clear(item->refresh->loop, &item->put_off);
}

static void enqueue(struct refresh_item *item)
{
    struct refresh *r = item->refresh;

    dequeue(item);
    item->expected = NULL;
    item->queue = !item->by_dom0 && noise_over(item) ? &r->noisy : &r->ready;
    TAILQ_INSERT_TAIL(item->queue, item, entry);
}

static bool is_queued(const struct refresh_item *item)
{
    return item->queue && item->queue != &item->refresh->later;
}

static void put_off_ends(void *data)
{
    enqueue(data);
}

static void part_add(struct refresh_item *item, enum keys_part part)
{
    if (part > item->part)
        item->part = part;
}

void refresh_add(struct refresh_item *item)
{
    LIST_INSERT_HEAD(&watch_of(item)->items, item, kin);
    item->account->consoles_n++;
}

void refresh_by_dom0(struct refresh_item *item, enum keys_part part)
{
    if (part == KEYS_NOTHING)
        return;
    part_add(item, part);
    if (!item->by_dom0 || !is_queued(item)) {
        item->by_dom0 = true;
        enqueue(item);
    }
}

bool refresh_is_new(const struct refresh_item *item)
{
    return item->queue == &item->refresh->ready && !item->read_ms;
}

void refresh_first(struct refresh_item *item)
{
    dequeue(item);
    item->part = KEYS_ALL;
    item->by_dom0 = true;
    item->queue = &item->refresh->first;
    TAILQ_INSERT_TAIL(item->queue, item, entry);
}

void refresh_later(struct refresh_item *item, char *const *expected)
{
    item->part = KEYS_ALL;
    item->expected = expected;
    item->by_dom0 = true;
    item->queue = &item->refresh->later;
    TAILQ_INSERT_TAIL(item->queue, item, entry);
}

void refresh_by_guest(struct refresh_item *item, enum keys_part part,
                      bool republished)
{
    struct refresh_account *account = item->account;
    int64_t now = loop_now_ms(), silence = (now - account->event_ms) / 1000;

    account->event_ms = now;
    account->noise -= silence < account->noise ? (unsigned int)silence :
                      account->noise;
    item->republished |= republished;
    /* What comes when it is not watched may be anything. */
    account->events++;
    if (is_flood(account))
        part = KEYS_ALL;
    if (part == KEYS_NOTHING)
        return;
    part_add(item, part);
    if (is_queued(item) || (loop_timer_is_set(&item->put_off) &&
                        (!is_flood(account) || account->missed)))
        return;
    enqueue(item);
}

void refresh_by_stranger(struct refresh_account *account)
{
    struct refresh_item *item =
        LIST_FIRST(&account->watches[REFRESH_OTHERS].items);

    if (item)
        refresh_by_guest(item, KEYS_NOTHING, false);
}

void refresh_by_watch(struct refresh_account *account,
                      enum refresh_kind kind)
{
    struct refresh_watch *watch = &account->watches[kind];
    struct refresh_item *item;

    if (watch->greetings) {
        watch->greetings--;
        return;
    }
    LIST_FOREACH(item, &watch->items, kin)
        refresh_by_guest(item, KEYS_ALL, false);
}

/* Before any is read: what changes later comes with an event. After a flood
 * that was not watched, anything may have changed. */
void refresh_watch(struct refresh_item *item)
{
    struct refresh_account *account = item->account;
    struct refresh_watch *watch = watch_of(item);
    char path[STORE_PATH_MAX], token[32];
    struct refresh_item *kin;

    if (watch->set)
        return;
    watch_name(item, path, sizeof(path), token, sizeof(token));
    watch->set = xs_watch(item->refresh->xs, path, token);
    watch->greetings += watch->set;
    if (!watch->set)
        log_guest(item->domid, LOG_LEVEL_ERROR, "%s is not followed: cannot "
                  "watch %s: %s", item->label, path, strerror(errno));
    if (!item->n || !watch->set || !account->missed)
        return;
    account->missed = false;
    LIST_FOREACH(kin, &watch->items, kin) {
        kin->republished = true;
        part_add(kin, KEYS_ALL);
        if (kin != item && !is_queued(kin))
            enqueue(kin);
    }
}

static bool noisy_may_run(const struct refresh *r)
{
    return !TAILQ_EMPTY(&r->noisy) && !loop_timer_is_set(&r->pause);
}

bool refresh_is_pending(const struct refresh *r)
{
    return r->now || !TAILQ_EMPTY(&r->first) || !TAILQ_EMPTY(&r->ready) ||
           noisy_may_run(r) || !TAILQ_EMPTY(&r->later);
}

bool refresh_is_first(const struct refresh *r)
{
    return (r->now && r->is_first) || !TAILQ_EMPTY(&r->first);
}

/* True if it was read just now, or its guest too often, and will be read
 * later. */
static bool put_off(struct refresh_item *item)
{
    int64_t due = item->read_ms ? item->read_ms + REFRESH_GAP_MS : 0;
    int64_t next = item->account->next_ms, now = loop_now_ms();

    if (!item->by_dom0 && next > due)
        due = next;
    if (due <= now || loop_timer_set(item->refresh->loop, &item->put_off,
                                     due - now, put_off_ends, item))
        return false;
    /* The primary console's directory is dom0's. */
    if (item->n && is_flood(item->account)) {
        item_unwatch(item);
        item->account->missed = true;
    }
    return true;
}

static void account_charge(struct refresh_item *item, int64_t now)
{
    struct refresh_account *account = item->account;
    unsigned int over;

    if (noise_over(item) < NOISE_STEPS)
        account->noise++;
    over = noise_over(item);
    if (over)
        account->next_ms = now + ((int64_t)REFRESH_GAP_MS << over);
}

static void reading_start(struct refresh_item *item)
{
    struct refresh *r = item->refresh;
    int64_t now = loop_now_ms();

    refresh_watch(item);
    r->now = item;
    r->on_guest = !item->by_dom0;
    r->republished = item->republished;
    r->spent_us = 0;
    if (r->on_guest)
        account_charge(item, now);
    /* A guest that collides gets no second try; nor does dom0, which has
     * its own reading then. */
    keys_reading_start(&r->reading, item->refresh->xs, item->domid, item->n,
                       item->part, r->on_guest ? 1 : KEYS_TRIES);
    if (item->expected && item->n)
        keys_reading_expect(&r->reading, item->expected);
    item->expected = NULL;
    item->part = KEYS_NOTHING;
    item->by_dom0 = item->republished = false;
    item->account->events = 0;
    item->read_ms = now;
}

/* The first that is not put off, or none. */
static void reading_choose(struct refresh *r)
{
    struct refresh_item *item = TAILQ_FIRST(&r->first);

    if (!item)
        item = TAILQ_FIRST(&r->ready);
    if (!item && noisy_may_run(r))
        item = TAILQ_FIRST(&r->noisy);
    if (!item)
        item = TAILQ_FIRST(&r->later);
    if (!item)
        return;
    r->is_first = item->queue == &r->first;
    dequeue(item);
    if (!put_off(item))
        reading_start(item);
}

static void pause_ends(void *data)
{
    (void)data;
}

/* True if the console is there still. */
static bool reading_end(struct refresh *r)
{
    struct refresh_item *item = r->now;
    int64_t pause;
    bool present;

    r->now = NULL;
    /* What dom0 has written stays as it is until that is read again. */
    if (r->on_guest && r->reading.known && !r->reading.agreed) {
        r->reading.part = KEYS_RING;
        refresh_by_guest(item, KEYS_ALL, false);
    }
    present = r->fn(item->console, &r->reading, !r->on_guest,
                    r->republished);
    keys_reading_dispose(&r->reading);
    if (r->on_guest && noise_over(item)) {
        pause = r->spent_us * REFRESH_PACE / 1000;
        loop_timer_set(item->refresh->loop, &r->pause, pause < PAUSE_MAX_MS ?
                       pause : PAUSE_MAX_MS, pause_ends, NULL);
    }
    return present;
}

struct console *refresh_step(struct refresh *r)
{
    struct refresh_item *item = r->now;
    int64_t start = loop_now_us();
    bool present = true, done = false;

    if (!item)
        reading_choose(r);
    else
        done = keys_reading_step(&r->reading);
    r->spent_us += loop_now_us() - start;
    if (done)
        present = reading_end(r);
    return present ? NULL : item->console;
}

void refresh_forget(struct refresh_item *item)
{
    struct refresh *r = item->refresh;

    dequeue(item);
    if (r->now == item)
        keys_reading_dispose(&r->reading);
    if (r->now == item)
        r->now = NULL;
    LIST_REMOVE(item, kin);
    item->account->consoles_n--;
    if (LIST_EMPTY(&watch_of(item)->items))
        item_unwatch(item);
}

void refresh_init(struct refresh *r, struct loop *loop,
                  struct xs_handle *xs, refresh_fn *fn)
{
    r->loop = loop;
    r->xs = xs;
    r->fn = fn;
    TAILQ_INIT(&r->first);
    TAILQ_INIT(&r->ready);
    TAILQ_INIT(&r->noisy);
    TAILQ_INIT(&r->later);
}

void refresh_dispose(struct refresh *r)
{
    loop_timer_clear(r->loop, &r->pause);
}
