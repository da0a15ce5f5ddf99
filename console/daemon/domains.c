/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domains.h"

#include "console/files/handover.h"
#include "console/guest/frontend.h"
#include "console/output/fdstore.h"
#include "tools/common/log.h"
#include "console/xen/store.h"
#include "console/guest/toolstack.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/grant_table.h>

#define BACKENDS "/local/domain/0/backend/console"

/* However many domains come and go, Xen is asked for all of them so often
 * at most. */
#ifndef CENSUS_GAP_MS
#define CENSUS_GAP_MS 40
#endif

/* Waiting for xenstored in a turn of the loop, but for the step that it
 * ends in: less than a byte's way through a console. */
#ifndef REFRESH_BUDGET_US
#define REFRESH_BUDGET_US 500
#endif

static struct domain **bucket_of(struct domains *domains, uint32_t domid)
{
    return &domains->buckets[domid % DOMAINS_HASH];
}

struct domain *domains_find(struct domains *domains, uint32_t domid)
{
    struct domain *d = *bucket_of(domains, domid);

    while (d && d->domid != domid)
        d = d->in_bucket;
    return d;
}

void domains_each(struct domains *domains,
                  void (*fn)(struct console *, void *), void *data)
{
    for (size_t i = 0; i < DOMAINS_HASH; i++)
        for (struct domain *d = domains->buckets[i]; d; d = d->in_bucket)
            for (size_t n = 0; n < CONSOLES_MAX; n++)
                if (d->guest.consoles[n])
                    fn(d->guest.consoles[n], data);
}

static void console_remove(struct domain *d, unsigned int n)
{
    struct console *c = d->guest.consoles[n];

    if (!c)
        return;
    refresh_forget(&c->refresh);
    d->guest.consoles[n] = NULL;
    toolstack_close(c);
}

/* NULL: no memory. */
static struct console *console_add(struct domains *domains, struct domain *d,
                                   unsigned int n)
{
    struct console *c = toolstack_open(domains->backend, d->domid, n,
                                       &d->guest);

    if (!c) {
        log_error("domain %" PRIu32 " console %u is not served: out of "
                  "memory", d->domid, n);
        return NULL;
    }
    d->guest.consoles[n] = c;
    refresh_add(&c->refresh);
    return c;
}

/* dom0 has done something to the console. */
static void console_notice(struct domains *domains, struct domain *d,
                           unsigned int n, enum keys_part part)
{
    struct console *c = d->guest.consoles[n];

    if (!c) {
        c = console_add(domains, d, n);
        part = KEYS_ALL;
    }
    if (c)
        refresh_by_dom0(&c->refresh, part);
}

static void line_leave(struct domain *d)
{
    if (d->line)
        TAILQ_REMOVE(d->line, d, in_line);
    d->line = NULL;
}

/* At its end. */
static void line_join(struct domain *d, struct domain_line *line)
{
    line_leave(d);
    d->line = line;
    TAILQ_INSERT_TAIL(line, d, in_line);
}

static void list_later(struct domains *domains, struct domain *d)
{
    if (!d->line)
        line_join(d, &domains->unlisted);
    d->next = 0;
}

/* Serves on the consoles that an earlier daemon was connected to. */
static void domain_take_over(struct domains *domains, struct domain *d)
{
    struct handover h = { .domid = d->domid };

    memcpy(h.id, d->id, sizeof(h.id));
    if (!handover_read(&h))
        return;
    strcpy(d->guest.vm, h.vm);
    for (unsigned int n = 0; n < CONSOLES_MAX; n++) {
        struct console *c = h.consoles[n].present ?
                            console_add(domains, d, n) : NULL;

        if (c && toolstack_take_over(c, &h.consoles[n]))
            refresh_later(&c->refresh, c->text);
        else if (c)
            refresh_by_dom0(&c->refresh, KEYS_ALL);
        keys_dispose(&h.consoles[n]);
    }
}

/* Leaves to the next daemon what it can serve on. */
static void domain_hand_over(struct domain *d)
{
    struct handover h = { .domid = d->domid };

    memcpy(h.id, d->id, sizeof(h.id));
    strcpy(h.vm, d->guest.vm);
    for (unsigned int n = 0; n < CONSOLES_MAX; n++)
        if (d->guest.consoles[n])
            frontend_hand_over(d->guest.consoles[n], &h.consoles[n]);
    if (handover_write(&h, &d->handed))
        log_guest(d->domid, LOG_LEVEL_WARN, "domain %" PRIu32 ": cannot "
                  "write " RECORD_FOLDER "/%" PRIu32 "-keys: %s; the next "
                  "daemon has to ask xenstored first", d->domid, d->domid,
                  strerror(errno));
}

/* Whether bytes wait in one of the rings that are known without xenstored. */
static bool domain_has_bytes(struct domains *domains, struct domain *d)
{
    struct hv *hv = domains->backend->hv;
    struct handover h = { .domid = d->domid };
    bool r = frontend_has_bytes(hv, d->domid, GNTTAB_RESERVED_CONSOLE);

    memcpy(h.id, d->id, sizeof(h.id));
    if (r || !handover_read(&h))
        return r;
    for (unsigned int n = 0; n < CONSOLES_MAX; n++) {
        r |= n && h.consoles[n].present &&
             frontend_has_bytes(hv, d->domid,
                                (uint32_t)h.consoles[n].ring_ref);
        keys_dispose(&h.consoles[n]);
    }
    return r;
}

/* It may have been there before this daemon, and no earlier one has left it. */
static bool console_may_hurry(const struct domain *d,
                              const struct console *c)
{
    return d->inherited && c->n && refresh_is_new(&c->refresh);
}

/* If bytes wait it comes before those in which none do. */
static void console_hurry(struct domains *domains, struct console *c)
{
    uint32_t ring_ref;

    if (keys_ring_ref(domains->backend->xs, c->domid, c->n, &ring_ref) &&
        frontend_has_bytes(domains->backend->hv, c->domid, ring_ref))
        refresh_first(&c->refresh);
}

/* Reads which consoles the backend's directory has for the domain. */
static void consoles_enumerate(struct domains *domains, struct domain *d)
{
    char path[STORE_PATH_MAX];
    unsigned int names_n = 0;
    bool listed[CONSOLES_MAX] = { true };
    char **names;

    snprintf(path, sizeof(path), BACKENDS "/%" PRIu32, d->domid);
    names = xs_directory(domains->backend->xs, XBT_NULL, path, &names_n);
    for (unsigned int i = 0; names && i < names_n; i++) {
        unsigned long long n;

        if (decimal_parse(names[i], CONSOLES_MAX - 1, &n) && n) {
            listed[n] = true;
            if (!d->guest.consoles[n])
                console_notice(domains, d, (unsigned int)n, KEYS_ALL);
        }
    }
    free(names);
    for (unsigned int n = 0; n < CONSOLES_MAX; n++) {
        struct console *c = d->guest.consoles[n];

        if (!c)
            continue;
        refresh_watch(&c->refresh);
        /* Those that are gone find out by being read. */
        if (!listed[n])
            refresh_by_dom0(&c->refresh, KEYS_ALL);
    }
}

/* A domain that Xen has named, with nothing known of it but that, and
 * whether bytes wait. */
static void domain_begin(struct domains *domains, struct domain *d,
                         bool bytes_wait)
{
    domain_take_over(domains, d);
    if (!d->guest.consoles[0]) {
        console_notice(domains, d, 0, KEYS_ALL);
        if (bytes_wait && d->guest.consoles[0])
            refresh_first(&d->guest.consoles[0]->refresh);
    }
    d->stage = DOMAIN_LIST;
    line_join(d, bytes_wait ? &domains->hurried : &domains->unlisted);
}

/* A few requests: which consoles there are; or where one's terminal is, that
 * its domain has shut down, and whether bytes wait. */
static void domain_list(struct domains *domains, struct domain *d)
{
    struct console *c = NULL;

    if (!d->next)
        consoles_enumerate(domains, d);
    for (; d->next < CONSOLES_MAX; d->next++) {
        c = d->guest.consoles[d->next];
        if (c && (toolstack_wants_tty(c) || toolstack_wants_end(c) ||
                  console_may_hurry(d, c)))
            break;
    }
    if (d->next < CONSOLES_MAX) {
        d->next++;
        toolstack_name_tty(c);
        toolstack_name_end(c);
        if (console_may_hurry(d, c))
            console_hurry(domains, c);
        return;
    }
    line_leave(d);
}

/* NULL: no memory. */
static struct domain *domain_add(struct domains *domains, uint32_t domid,
                                 const uint8_t id[HV_ID_SIZE])
{
    struct domain *d = calloc(1, sizeof(*d));
    struct domain **bucket = bucket_of(domains, domid);

    if (!d) {
        log_error("domain %" PRIu32 " is not served: out of memory", domid);
        return NULL;
    }
    log_debug("domain %" PRIu32 " is new", domid);
    d->domid = domid;
    d->in_bucket = *bucket;
    *bucket = d;
    d->inherited = !domains->swept;
    d->stage = d->inherited ? DOMAIN_LOOK : DOMAIN_BEGIN;
    memcpy(d->id, id, sizeof(d->id));
    list_later(domains, d);
    return d;
}

/* *link is the domain's place in its bucket. */
static void domain_remove(struct domain **link)
{
    struct domain *d = *link;

    log_debug("domain %" PRIu32 " is gone", d->domid);
    for (unsigned int n = 0; n < CONSOLES_MAX; n++)
        console_remove(d, n);
    line_leave(d);
    handover_remove(d->domid);
    *link = d->in_bucket;
    free(d);
}

static void domain_seen(void *data, uint32_t domid,
                        const uint8_t id[HV_ID_SIZE], bool shut_down)
{
    struct domains *domains = data;
    struct domain *d = domains_find(domains, domid);

    d = d ? d : domain_add(domains, domid, id);
    if (!d)
        return;
    d->seen = true;
    if (shut_down && !d->guest.shut_down)
        list_later(domains, d);
    d->guest.shut_down = shut_down;
}

static bool domain_is_known(void *data, uint32_t domid)
{
    return domains_find(data, domid);
}

/* Xen does not say which domain came or went. */
static void domains_enumerate(struct domains *domains)
{
    /* Records outlive a daemon that was killed, and the domain may go before
     * its consoles are opened again. */
    bool sweep = !domains->swept;

    if (hv_domains(domains->backend->hv, domain_seen, domains)) {
        log_warn("cannot list the domains: %s; one that came or went is "
                 "seen when the next one does", strerror(errno));
        return;
    }
    for (size_t i = 0; i < DOMAINS_HASH; i++) {
        struct domain **link = &domains->buckets[i];

        while (*link) {
            if ((*link)->seen) {
                (*link)->seen = false;
                link = &(*link)->in_bucket;
            } else {
                sweep |= (*link)->inherited;
                domain_remove(link);
            }
        }
    }
    fdstore_sweep(domain_is_known, domains);
    if (sweep)
        record_sweep(domain_is_known, domains);
    domains->swept = true;
}

/* Takes the number at *text, up to a '/' or the end, and what follows. */
static bool number_take(const char **text, unsigned long long max,
                        unsigned long long *r)
{
    size_t n = strcspn(*text, "/");
    char number[16];

    if (n >= sizeof(number))
        return false;
    memcpy(number, *text, n);
    number[n] = '\0';
    *text += n;
    if (**text == '/')
        (*text)++;
    return decimal_parse(number, max, r);
}

/* Something below BACKENDS has changed. */
static void backend_event(struct domains *domains, const char *path)
{
    unsigned long long domid, n;
    struct domain *d;

    /* The watch's own first event: domains_enumerate() finds all. */
    if (strncmp(path, BACKENDS "/", sizeof(BACKENDS)))
        return;
    path += sizeof(BACKENDS);
    if (!number_take(&path, UINT32_MAX, &domid) || !domid)
        return;
    d = domains_find(domains, (uint32_t)domid);
    if (!d)
        return;
    if (!*path)
        list_later(domains, d);
    else if (number_take(&path, CONSOLES_MAX - 1, &n) && n)
        console_notice(domains, d, (unsigned int)n,
                       keys_of_backend(*path ? path : NULL));
}

/* What is to be read when that key of its frontend has changed. */
static enum keys_part console_part(const struct console *c, const char *key)
{
    enum keys_part part = keys_of_frontend(c->n, key);

    /* dom0 may have made it now. */
    if (key && !strcmp(key, "tty"))
        return toolstack_wants_tty(c) ? KEYS_ALL : KEYS_NOTHING;
    /* What has no output needs no ring. */
    return part == KEYS_RING && !c->output ? KEYS_NOTHING : part;
}

/* Something in the directory of a domain's primary console, or in that of
 * its other frontends, has changed. */
static void frontend_event(struct domains *domains, const char *path,
                           const char *token)
{
    unsigned long long domid, kind, n = 0;
    char watched[STORE_PATH_MAX];
    struct console *c = NULL;
    struct domain *d;
    const char *key;

    if (!number_take(&token, UINT32_MAX, &domid) ||
        !number_take(&token, REFRESH_KINDS - 1, &kind))
        return;
    d = domains_find(domains, (uint32_t)domid);
    /* Events can arrive after their watch was removed. */
    if (!d)
        return;
    keys_watched_path(watched, sizeof(watched), d->domid, (unsigned int)kind);
    if (strncmp(path, watched, strlen(watched)) || !path[strlen(watched)]) {
        refresh_by_watch(&d->guest.account, (enum refresh_kind)kind);
        return;
    }
    key = path + strlen(watched) + 1;
    if (kind == REFRESH_PRIMARY || number_take(&key, CONSOLES_MAX - 1, &n))
        c = d->guest.consoles[n];
    if (c)
        refresh_by_guest(&c->refresh, console_part(c, *key ? key : NULL),
                         !strcmp(key, "state") ||
                         !strcmp(key, "ring-ref") || !strcmp(key, "port"));
    else
        refresh_by_stranger(&d->guest.account);
}

/* A refresh_fn. */
static bool console_follow(struct console *c, struct keys_reading *reading,
                           bool by_dom0, bool republished)
{
    bool present = toolstack_follow(c, reading, by_dom0, republished);

    domain_hand_over((struct domain *)((char *)c->guest -
                                       offsetof(struct domain, guest)));
    return present;
}

static void census_due(void *data)
{
    struct domains *domains = data;

    domains->census = true;
}

/* A domain came or went, or many. */
static void census_want(struct domains *domains)
{
    int64_t now = loop_now_ms(), wait = domains->census_ms + CENSUS_GAP_MS -
                                        now;

    if (loop_timer_is_set(&domains->census_wait))
        return;
    if (!domains->census_ms || wait <= 0 ||
        loop_timer_set(&domains->backend->loop, &domains->census_wait, wait,
                       census_due, domains))
        domains->census = true;
}

void domains_event(struct domains *domains, const char *path,
                   const char *token)
{
    if (!strcmp(token, "domains"))
        census_want(domains);
    else if (!strcmp(token, "backend"))
        backend_event(domains, path);
    else if (!strncmp(token, "c/", 2))
        frontend_event(domains, path, token + 2);
}

bool domains_is_pending(const struct domains *domains)
{
    return domains->census || !TAILQ_EMPTY(&domains->hurried) ||
           !TAILQ_EMPTY(&domains->unlisted) ||
           refresh_is_pending(&domains->backend->refresh);
}

/* One stage; the next comes when it is the first in its line again. */
static void domain_advance(struct domains *domains, struct domain *d)
{
    if (d->stage == DOMAIN_LIST) {
        domain_list(domains, d);
    } else if (d->stage == DOMAIN_BEGIN) {
        domain_begin(domains, d, false);
    } else if (domain_has_bytes(domains, d)) {
        domain_begin(domains, d, true);
    } else {
        d->stage = DOMAIN_BEGIN;
        line_join(d, &domains->unlisted);
    }
}

/* Whose turn it is; NULL: that of consoles that are to be read. All are taken
 * over before xenstored is asked for one of them. */
static struct domain *domain_next(struct domains *domains)
{
    struct domain *d = TAILQ_FIRST(&domains->unlisted);

    if (d && d->stage != DOMAIN_LIST)
        return d;
    if (refresh_is_first(&domains->backend->refresh))
        return NULL;
    return TAILQ_EMPTY(&domains->hurried) ? d :
           TAILQ_FIRST(&domains->hurried);
}

static void domains_step(struct domains *domains)
{
    struct domain *d = domain_next(domains);
    struct console *gone;

    if (domains->census) {
        domains->census = false;
        domains->census_ms = loop_now_ms();
        domains_enumerate(domains);
    } else if (d) {
        domain_advance(domains, d);
    } else if ((gone = refresh_step(&domains->backend->refresh))) {
        d = domains_find(domains, gone->domid);
        console_remove(d, gone->n);
        domain_hand_over(d);
    }
}

void domains_turn(struct domains *domains)
{
    int64_t end = loop_now_us() + REFRESH_BUDGET_US;

    while (domains_is_pending(domains)) {
        domains_step(domains);
        if (loop_now_us() >= end)
            break;
    }
}

int domains_init(struct domains *domains, struct backend *backend)
{
    struct xs_handle *xs = backend->xs;

    domains->backend = backend;
    TAILQ_INIT(&domains->hurried);
    TAILQ_INIT(&domains->unlisted);
    refresh_init(&backend->refresh, &backend->loop, xs, console_follow);
    if (xs_watch(xs, BACKENDS, "backend") &&
        xs_watch(xs, "@introduceDomain", "domains") &&
        xs_watch(xs, "@releaseDomain", "domains"))
        return 0;
    log_error("cannot watch xenstore: %s", strerror(errno));
    return -1;
}

void domains_dispose(struct domains *domains)
{
    if (!domains->backend)
        return;
    loop_timer_clear(&domains->backend->loop, &domains->census_wait);
    for (size_t i = 0; i < DOMAINS_HASH; i++)
        while (domains->buckets[i])
            domain_remove(&domains->buckets[i]);
    refresh_dispose(&domains->backend->refresh);
}
