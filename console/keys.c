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

/* What every read here needs. */
struct reader {
    struct xs_handle *xs;
    xs_transaction_t t;
    uint32_t domid;
    unsigned int n;
};

/* owned: it counts only if dom0 owns it. False: no such number. */
static bool number_read(const struct reader *rd, const char *path,
                        bool owned, unsigned long long max,
                        unsigned long long *r)
{
    char *text;
    bool ok;

    if (owned)
        store_read_owned(rd->xs, rd->t, path, &text);
    else
        text = store_read(rd->xs, rd->t, path);
    ok = text && decimal_parse(text, max, r);
    free(text);
    return ok;
}

static void ring_read(const struct reader *rd, struct keys *r)
{
    const bool primary = !rd->n;
    char path[STORE_PATH_MAX];
    unsigned long long ring_ref, port, state;

    keys_frontend_path(path, sizeof(path), rd->domid, rd->n, "ring-ref");
    r->ring_known = number_read(rd, path, primary,
                                primary ? UINT64_MAX : UINT32_MAX,
                                &ring_ref);
    keys_frontend_path(path, sizeof(path), rd->domid, rd->n, "port");
    if (r->ring_known)
        r->ring_known = number_read(rd, path, primary, UINT32_MAX, &port);
    if (r->ring_known) {
        r->ring_ref = ring_ref;
        r->port = (uint32_t)port;
    }
    if (primary)
        return;
    keys_frontend_path(path, sizeof(path), rd->domid, rd->n, "state");
    if (number_read(rd, path, false, XenbusStateReconfigured, &state))
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
static void texts_read(const struct reader *rd, const char *dir,
                       struct keys *r)
{
    unsigned int names_n = 0;
    char **names = xs_directory(rd->xs, rd->t, dir, &names_n);

    for (unsigned int i = 0; names && i < names_n; i++) {
        int key = text_key(names[i]);
        char path[STORE_PATH_MAX];
        char *value;

        if (key < 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        /* Looked at even if there is one: a guest that made such a key
         * tries something that an administrator should see. */
        if (store_read_owned(rd->xs, rd->t, path, &value) == STORE_FOREIGN)
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
    struct reader rd = { .xs = xs, .domid = domid, .n = n };
    char path[STORE_PATH_MAX];

    memset(r, 0, sizeof(*r));
    rd.t = xs_transaction_start(xs);
    if (rd.t == XBT_NULL)
        return false;
    keys_backend_path(path, sizeof(path), domid, n, NULL);
    r->present = store_owner(xs, rd.t, path) == STORE_DOM0;
    if (r->present) {
        texts_read(&rd, path, r);
        if (n) {
            keys_frontend_path(path, sizeof(path), domid, n, NULL);
            texts_read(&rd, path, r);
        }
        ring_read(&rd, r);
    }
    /* Nothing was written: each node was read once, as a whole, and a
     * later change of any comes with a watch event. */
    xs_transaction_end(xs, rd.t, true);
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
