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

/* Reading a console takes some twenty requests to xenstored. Setting one
 * up causes a dozen events, most of which come within this; and a guest
 * that writes without end is read this often and no more. */
#ifndef SYNC_GAP_MS
#define SYNC_GAP_MS 40
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

static void console_mark(struct console *c)
{
    if (!c->is_dirty)
        TAILQ_INSERT_TAIL(&c->server->dirty, c, dirty);
    c->is_dirty = true;
}

static void watch_of(const struct console *c, char *path, size_t path_size,
                     char *token, size_t token_size)
{
    keys_frontend_path(path, path_size, c->domid, c->n, NULL);
    snprintf(token, token_size, "c/%" PRIu32 "/%u", c->domid, c->n);
}

static void console_remove(struct domain *d, unsigned int n)
{
    struct console *c = d->consoles[n];
    char path[STORE_PATH_MAX], token[32];

    if (!c)
        return;
    d->consoles[n] = NULL;
    if (c->watched) {
        watch_of(c, path, sizeof(path), token, sizeof(token));
        xs_unwatch(c->server->xs, path, token);
    }
    if (c->is_dirty)
        TAILQ_REMOVE(&c->server->dirty, c, dirty);
    loop_timer_clear(&c->server->loop, &c->resync);
    console_free(c);
}

/* Makes sure that the console is watched, and reads it soon. */
static void console_notice(struct server *server, struct domain *d,
                           unsigned int n)
{
    char path[STORE_PATH_MAX], token[32];
    struct console *c = d->consoles[n];

    if (!c) {
        c = console_new(server, d->domid, n);
        if (!c) {
            log_error("domain %" PRIu32 " console %u is not served: out of "
                      "memory", d->domid, n);
            return;
        }
        d->consoles[n] = c;
        watch_of(c, path, sizeof(path), token, sizeof(token));
        c->watched = xs_watch(server->xs, path, token);
        if (!c->watched)
            log_guest(d->domid, LOG_LEVEL_ERROR, "domain %" PRIu32
                      " console %u is not followed: cannot watch %s: %s",
                      d->domid, n, path, strerror(errno));
    }
    console_mark(c);
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
            console_notice(server, d, (unsigned int)n);
    }
    free(names);
    /* Those that are gone find out by being read. */
    for (unsigned int n = 1; n < CONSOLES_MAX; n++)
        if (d->consoles[n])
            console_mark(d->consoles[n]);
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
    console_notice(server, d, 0);
    consoles_enumerate(server, d);
}

/* *link is the domain's place in its bucket. */
static void domain_remove(struct domain **link)
{
    struct domain *d = *link;

    log_debug("domain %" PRIu32 " is gone", d->domid);
    for (unsigned int n = 0; n < CONSOLES_MAX; n++)
        console_remove(d, n);
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
                domain_remove(link);
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
        consoles_enumerate(server, d);
    else if (number_take(&path, CONSOLES_MAX - 1, &n) && n)
        console_notice(server, d, (unsigned int)n);
}

/* Something in a console's frontend directory has changed. */
static void frontend_event(struct server *server, const char *path,
                           const char *token)
{
    unsigned long long domid, n;
    const char *key = strrchr(path, '/');
    struct console *c = NULL;
    struct domain *d;

    if (!number_take(&token, UINT32_MAX, &domid) ||
        !number_take(&token, CONSOLES_MAX - 1, &n))
        return;
    d = domains_find(server, (uint32_t)domid);
    if (d)
        c = d->consoles[n];
    /* Events can arrive after their watch was removed. */
    if (!c)
        return;
    if (key && (!strcmp(key, "/state") || !strcmp(key, "/ring-ref") ||
                !strcmp(key, "/port")))
        c->republished = true;
    console_mark(c);
}

void domains_event(struct server *server, const char *path,
                   const char *token)
{
    if (!strcmp(token, "domains"))
        domains_enumerate(server);
    else if (!strcmp(token, "backend"))
        backend_event(server, path);
    else if (!strncmp(token, "c/", 2))
        frontend_event(server, path, token + 2);
}

static void resync(void *data)
{
    console_mark(data);
}

/* True if the console was read just now, and will be read again later. */
static bool console_put_off(struct console *c)
{
    int64_t now = loop_now_ms(), left = c->synced_ms + SYNC_GAP_MS - now;

    if (c->synced_ms && left > 0 &&
        !loop_timer_set(&c->server->loop, &c->resync, left, resync, c))
        return true;
    c->synced_ms = now;
    return false;
}

void domains_read_dirty(struct server *server)
{
    struct console *c;

    while ((c = TAILQ_FIRST(&server->dirty))) {
        bool republished = c->republished;

        TAILQ_REMOVE(&server->dirty, c, dirty);
        c->is_dirty = false;
        if (console_put_off(c))
            continue;
        c->republished = false;
        if (!console_sync(c, republished))
            console_remove(domains_find(server, c->domid), c->n);
    }
}

int domains_init(struct server *server)
{
    if (xs_watch(server->xs, BACKENDS, "backend") &&
        xs_watch(server->xs, "@introduceDomain", "domains") &&
        xs_watch(server->xs, "@releaseDomain", "domains"))
        return 0;
    log_error("cannot watch xenstore: %s", strerror(errno));
    return -1;
}

void domains_dispose(struct server *server)
{
    for (size_t i = 0; i < SERVER_DOMAINS_HASH; i++)
        while (server->domains[i])
            domain_remove(&server->domains[i]);
}
