/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keys.h"

#include "settings.h"
#include "store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>

static const char *const text_names[] = {
    [KEY_TYPE] = "type",
    [KEY_OUTPUT] = "output",
    [KEY_POLICY] = "policy",
    [KEY_LIMIT] = "limit",
    [KEY_NAME] = "name",
};
static_assert(sizeof(text_names) / sizeof(text_names[0]) == KEYS_TEXT_N,
              "one name per key");

const char *keys_text_name(enum keys_text key)
{
    return text_names[key];
}

static void path_end(char *path, size_t size, const char *key)
{
    size_t n = strlen(path);

    if (key)
        snprintf(path + n, size - n, "/%s", key);
}

void keys_frontend_path(char *path, size_t size, uint32_t domid,
                        unsigned int n, const char *key)
{
    if (n)
        snprintf(path, size, "/local/domain/%" PRIu32 "/device/console/%u",
                 domid, n);
    else
        snprintf(path, size, "/local/domain/%" PRIu32 "/console", domid);
    path_end(path, size, key);
}

void keys_backend_path(char *path, size_t size, uint32_t domid,
                       unsigned int n, const char *key)
{
    if (!n) {
        keys_frontend_path(path, size, domid, n, key);
        return;
    }
    snprintf(path, size, "/local/domain/0/backend/console/%" PRIu32 "/%u",
             domid, n);
    path_end(path, size, key);
}

/* One of a console's two directories. */
struct reader {
    struct xs_handle *xs;
    char dir[STORE_PATH_MAX - 16];      /* and a key behind it */
    bool is_dom0s;              /* the directory itself */
};

/* A transaction makes xenstored copy each node that is read: only where
 * nodes could be replaced between their owner's look-up and the value's. */
static enum store_owner owned_read(const struct reader *rd, const char *key,
                                   char **value_r)
{
    xs_transaction_t t = XBT_NULL;
    char path[STORE_PATH_MAX];
    enum store_owner owner;

    snprintf(path, sizeof(path), "%s/%s", rd->dir, key);
    *value_r = NULL;
    if (!rd->is_dom0s) {
        t = xs_transaction_start(rd->xs);
        if (t == XBT_NULL)
            return STORE_ABSENT;
    }
    owner = store_read_owned(rd->xs, t, path, value_r);
    /* Nothing was written. */
    if (t != XBT_NULL)
        xs_transaction_end(rd->xs, t, true);
    return owner;
}

/* owned: it counts only if dom0 owns it. False: no such number. */
static bool number_read(const struct reader *rd, const char *key,
                        bool owned, unsigned long long max,
                        unsigned long long *r)
{
    char path[STORE_PATH_MAX];
    char *text;
    bool ok;

    snprintf(path, sizeof(path), "%s/%s", rd->dir, key);
    if (owned)
        owned_read(rd, key, &text);
    else
        text = store_read(rd->xs, XBT_NULL, path);
    ok = text && decimal_parse(text, max, r);
    free(text);
    return ok;
}

static void ring_read(const struct reader *rd, bool primary, struct keys *r)
{
    unsigned long long ring_ref, port, state;

    r->ring_known = number_read(rd, "ring-ref", primary,
                                primary ? UINT64_MAX : UINT32_MAX,
                                &ring_ref) &&
                    number_read(rd, "port", primary, UINT32_MAX, &port);
    if (r->ring_known) {
        r->ring_ref = ring_ref;
        r->port = (uint32_t)port;
    }
    if (!primary && number_read(rd, "state", false,
                                XenbusStateReconfigured, &state))
        r->frontend_state = (int)state;
}

static int text_key(const char *name)
{
    for (int key = 0; key < KEYS_TEXT_N; key++)
        if (!strcmp(name, text_names[key]))
            return key;
    return -1;
}

/* Of a directory's keys those that count, and that no other had before. By
 * its listing: most of them are absent mostly, and a request each. */
static void texts_read(const struct reader *rd, struct keys *r)
{
    unsigned int names_n = 0;
    char **names = xs_directory(rd->xs, XBT_NULL, rd->dir, &names_n);

    for (unsigned int i = 0; names && i < names_n; i++) {
        int key = text_key(names[i]);
        char *value;

        if (key < 0)
            continue;
        /* Looked at even if there is one: a guest that made such a key
         * tries something that an administrator should see. */
        if (owned_read(rd, names[i], &value) == STORE_FOREIGN)
            r->foreign |= 1U << key;
        if (r->text[key])
            free(value);
        else
            r->text[key] = value;
    }
    free(names);
}

bool keys_read(struct xs_handle *xs, uint32_t domid, unsigned int n,
               struct keys *r)
{
    struct reader backend = { .xs = xs }, frontend = { .xs = xs };
    enum store_owner owner;

    memset(r, 0, sizeof(*r));
    keys_backend_path(backend.dir, sizeof(backend.dir), domid, n, NULL);
    owner = store_owner(xs, XBT_NULL, backend.dir);
    if (owner == STORE_FOREIGN && n)
        return false;
    r->present = owner != STORE_ABSENT;
    if (!r->present)
        return true;
    backend.is_dom0s = owner == STORE_DOM0;
    texts_read(&backend, r);
    if (!n) {
        ring_read(&backend, true, r);
        return true;
    }
    keys_frontend_path(frontend.dir, sizeof(frontend.dir), domid, n, NULL);
    texts_read(&frontend, r);
    ring_read(&frontend, false, r);
    return true;
}

void keys_dispose(struct keys *keys)
{
    for (int key = 0; key < KEYS_TEXT_N; key++)
        free(keys->text[key]);
    memset(keys, 0, sizeof(*keys));
}

bool keys_type_is_ours(const struct keys *keys, unsigned int n)
{
    const char *type = keys->text[KEY_TYPE];

    return type ? !strcmp(type, "xenconsoled") : !n;
}
