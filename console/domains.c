/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domains.h"

#include "fdstore.h"
#include "log.h"
#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static struct domain **bucket_of(struct server *server, uint32_t domid)
{
    return &server->domains[domid % SERVER_DOMAINS_HASH];
}

struct domain *domains_find(struct server *server, uint32_t domid)
{
    struct domain *d = *bucket_of(server, domid);

    while (d && d->domid != domid)
        d = d->next;
    return d;
}

void domains_each(struct server *server,
                  void (*fn)(struct console *, void *), void *data)
{
    for (size_t i = 0; i < SERVER_DOMAINS_HASH; i++)
        for (struct domain *d = server->domains[i]; d; d = d->next)
            for (size_t n = 0; n < CONSOLES_MAX; n++)
                if (d->consoles[n])
                    fn(d->consoles[n], data);
}

static void console_remove(struct domain *d, unsigned int n)
{
    struct console *c = d->consoles[n];

    if (!c)
        return;
    refresh_forget(c);
    d->consoles[n] = NULL;
    d->consoles_n--;
    console_free(c);
}

/* dom0 has done something to the console. */
static void console_notice(struct server *server, struct domain *d,
                           unsigned int n, enum keys_part part)
{
    struct console *c = d->consoles[n];

    if (!c) {
        c = console_new(server, d->domid, n);
        if (!c) {
            log_error("domain %" PRIu32 " console %u is not served: out of "
                      "memory", d->domid, n);
            return;
        }
        d->consoles[n] = c;
        d->consoles_n++;
        part = KEYS_ALL;
    }
    refresh_by_dom0(c, part);
}

/* Reads which consoles the backend's directory has for the domain. */
static void consoles_enumerate(struct server *server, struct domain *d)
{
    char path[STORE_PATH_MAX];
    unsigned int names_n = 0;
    char **names;

    snprintf(path, sizeof(path), BACKENDS "/%" PRIu32, d->domid);
    names = xs_directory(server->xs, XBT_NULL, path, &names_n);
    for (unsigned int i = 0; names && i < names_n; i++) {
        unsigned long long n;

        if (decimal_parse(names[i], CONSOLES_MAX - 1, &n) && n)
            console_notice(server, d, (unsigned int)n, KEYS_ALL);
    }
    free(names);
    /* Those that are gone find out by being read. */
    for (unsigned int n = 1; n < CONSOLES_MAX; n++)
        if (d->consoles[n])
            refresh_by_dom0(d->consoles[n], KEYS_ALL);
}

static void list_later(struct server *server, struct domain *d)
{
    if (!d->lists)
        TAILQ_INSERT_TAIL(&server->unlisted, d, unlisted);
    d->lists = true;
}

static void domain_add(struct server *server, uint32_t domid)
{
    struct domain *d = calloc(1, sizeof(*d));
    struct domain **bucket = bucket_of(server, domid);

    if (!d) {
        log_error("domain %" PRIu32 " is not served: out of memory", domid);
        return;
    }
    log_debug("domain %" PRIu32 " is new", domid);
    d->domid = domid;
    d->seen = true;
    d->next = *bucket;
    *bucket = d;
    console_notice(server, d, 0, KEYS_ALL);
    list_later(server, d);
}

/* *link is the domain's place in its bucket. */
static void domain_remove(struct server *server, struct domain **link)
{
    struct domain *d = *link;

    log_debug("domain %" PRIu32 " is gone", d->domid);
    for (unsigned int n = 0; n < CONSOLES_MAX; n++)
        console_remove(d, n);
    if (d->lists)
        TAILQ_REMOVE(&server->unlisted, d, unlisted);
    *link = d->next;
    free(d);
}

static void domain_seen(void *data, uint32_t domid)
{
    struct server *server = data;
    struct domain *d = domains_find(server, domid);

    if (d)
        d->seen = true;
    else
        domain_add(server, domid);
}

static bool domain_is_known(void *data, uint32_t domid)
{
    return domains_find(data, domid);
}

/* Xen does not say which domain came or went. */
static void domains_enumerate(struct server *server)
{
    /* Records outlive a daemon that was killed, and the domain may go before
     * its consoles are opened again. */
    bool sweep = !server->swept;

    if (hv_domains(server->hv, domain_seen, server)) {
        log_warn("cannot list the domains: %s; one that came or went is "
                 "seen when the next one does", strerror(errno));
        return;
    }
    for (size_t i = 0; i < SERVER_DOMAINS_HASH; i++) {
        struct domain **link = &server->domains[i];

        while (*link) {
            if ((*link)->seen) {
                (*link)->seen = false;
                link = &(*link)->next;
            } else {
                domain_remove(server, link);
                sweep = true;
            }
        }
    }
    fdstore_sweep(domain_is_known, server);
    if (sweep)
        record_sweep(domain_is_known, server);
    server->swept = true;
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
static void backend_event(struct server *server, const char *path)
{
    unsigned long long domid, n;
    struct domain *d;

    /* The watch's own first event: domains_enumerate() finds all. */
    if (strncmp(path, BACKENDS "/", sizeof(BACKENDS)))
        return;
    path += sizeof(BACKENDS);
    if (!number_take(&path, UINT32_MAX, &domid) || !domid)
        return;
    d = domains_find(server, (uint32_t)domid);
    if (!d)
        return;
    if (!*path)
        list_later(server, d);
    else if (number_take(&path, CONSOLES_MAX - 1, &n) && n)
        console_notice(server, d, (unsigned int)n,
                       keys_of_backend(*path ? path : NULL));
}

/* What follows a console's directory in the path; NULL: nothing, or the
 * path is of no node in it. */
static const char *key_of(const struct console *c, const char *path)
{
    char dir[STORE_PATH_MAX];
    size_t n;

    keys_frontend_path(dir, sizeof(dir), c->domid, c->n, NULL);
    n = strlen(dir);
    return !strncmp(path, dir, n) && path[n] == '/' ? path + n + 1 : NULL;
}

/* What is to be read when that key of its frontend has changed. */
static enum keys_part console_part(const struct console *c, const char *key)
{
    enum keys_part part = keys_of_frontend(c->n, key);

    /* dom0 may have made it now. */
    if (key && !strcmp(key, "tty"))
        return console_wants_tty(c) ? KEYS_ALL : KEYS_NOTHING;
    /* What has no output needs no ring. */
    return part == KEYS_RING && !c->output ? KEYS_NOTHING : part;
}

/* Something in a console's frontend directory has changed. */
static void frontend_event(struct server *server, const char *path,
                           const char *token)
{
    unsigned long long domid, n;
    struct console *c = NULL;
    struct domain *d;
    const char *key;

    if (!number_take(&token, UINT32_MAX, &domid) ||
        !number_take(&token, CONSOLES_MAX - 1, &n))
        return;
    d = domains_find(server, (uint32_t)domid);
    if (d)
        c = d->consoles[n];
    /* Events can arrive after their watch was removed. */
    if (!c)
        return;
    key = key_of(c, path);
    if (key || !refresh_greeted(c))
        refresh_by_guest(c, console_part(c, key), key &&
                         (!strcmp(key, "state") ||
                          !strcmp(key, "ring-ref") ||
                          !strcmp(key, "port")));
}

static void census_due(void *data)
{
    struct server *server = data;

    server->census = true;
}

/* A domain came or went, or many. */
static void census_want(struct server *server)
{
    int64_t now = loop_now_ms(), wait = server->census_ms + CENSUS_GAP_MS -
                                        now;

    if (loop_timer_is_set(&server->census_wait))
        return;
    if (!server->census_ms || wait <= 0 ||
        loop_timer_set(&server->loop, &server->census_wait, wait,
                       census_due, server))
        server->census = true;
}

void domains_event(struct server *server, const char *path,
                   const char *token)
{
    if (!strcmp(token, "domains"))
        census_want(server);
    else if (!strcmp(token, "backend"))
        backend_event(server, path);
    else if (!strncmp(token, "c/", 2))
        frontend_event(server, path, token + 2);
}

bool domains_is_pending(const struct server *server)
{
    return server->census || !TAILQ_EMPTY(&server->unlisted) ||
           refresh_is_pending(server);
}

static void domains_step(struct server *server)
{
    struct domain *d = TAILQ_FIRST(&server->unlisted);
    struct console *gone;

    if (server->census) {
        server->census = false;
        server->census_ms = loop_now_ms();
        domains_enumerate(server);
    } else if (d) {
        TAILQ_REMOVE(&server->unlisted, d, unlisted);
        d->lists = false;
        consoles_enumerate(server, d);
    } else if ((gone = refresh_step(server))) {
        console_remove(domains_find(server, gone->domid), gone->n);
    }
}

void domains_turn(struct server *server)
{
    int64_t end = loop_now_us() + REFRESH_BUDGET_US;

    while (domains_is_pending(server)) {
        domains_step(server);
        if (loop_now_us() >= end)
            break;
    }
}

int domains_init(struct server *server)
{
    TAILQ_INIT(&server->unlisted);
    refresh_init(server);
    if (xs_watch(server->xs, BACKENDS, "backend") &&
        xs_watch(server->xs, "@introduceDomain", "domains") &&
        xs_watch(server->xs, "@releaseDomain", "domains"))
        return 0;
    log_error("cannot watch xenstore: %s", strerror(errno));
    return -1;
}

void domains_dispose(struct server *server)
{
    loop_timer_clear(&server->loop, &server->census_wait);
    loop_timer_clear(&server->loop, &server->refresh.pause);
    for (size_t i = 0; i < SERVER_DOMAINS_HASH; i++)
        while (server->domains[i])
            domain_remove(server, &server->domains[i]);
}
