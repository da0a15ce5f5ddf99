/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keys.h"

#include "settings.h"
#include "store.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>

/* A toolstack writes a console's keys one by one, and has done so at the
 * second try or the third. A guest that writes in its directory all the
 * time gets no more of them: what was read then may be of several moments,
 * and the event that follows has it read again. */
#define READ_TRIES 4

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
    xs_transaction_t t;         /* for dom0's keys */
    uint32_t domid;
    unsigned int n;
};

static void text_read(const struct reader *rd, enum keys_text key,
                      struct keys *r)
{
    char path[STORE_PATH_MAX];
    char *value;

    keys_backend_path(path, sizeof(path), rd->domid, rd->n,
                      text_names[key]);
    store_read_owned(rd->xs, rd->t, path, &r->text[key]);
    if (!rd->n)
        return;
    /* Looked at even if the backend's counts: a guest that made such a key
     * tries something that an administrator should see. */
    keys_frontend_path(path, sizeof(path), rd->domid, rd->n,
                       text_names[key]);
    if (store_read_owned(rd->xs, rd->t, path, &value) == STORE_FOREIGN)
        r->foreign |= 1U << key;
    if (r->text[key])
        free(value);
    else
        r->text[key] = value;
}

/* False: no such number. The primary console's are dom0's; the others' need
 * no transaction, which makes xenstored copy each node that is read. */
static bool number_read(const struct reader *rd, const char *key,
                        unsigned long long max, unsigned long long *r)
{
    char path[STORE_PATH_MAX];
    char *text;
    bool ok;

    keys_frontend_path(path, sizeof(path), rd->domid, rd->n, key);
    if (!rd->n)
        store_read_owned(rd->xs, rd->t, path, &text);
    else
        text = store_read(rd->xs, XBT_NULL, path);
    ok = text && decimal_parse(text, max, r);
    free(text);
    return ok;
}

static void ring_read(const struct reader *rd, struct keys *r)
{
    unsigned long long ring_ref, port, state;

    r->ring_known = number_read(rd, "ring-ref",
                                rd->n ? UINT32_MAX : UINT64_MAX,
                                &ring_ref) &&
                    number_read(rd, "port", UINT32_MAX, &port);
    if (r->ring_known) {
        r->ring_ref = ring_ref;
        r->port = (uint32_t)port;
    }
    if (rd->n &&
        number_read(rd, "state", XenbusStateReconfigured, &state))
        r->frontend_state = (int)state;
}

/* True if xenstored agrees that all was read at one moment. */
static bool keys_read_once(struct reader *rd, struct keys *r,
                           enum store_owner *owner_r)
{
    char path[STORE_PATH_MAX];

    keys_dispose(r);
    *owner_r = STORE_FOREIGN;
    rd->t = xs_transaction_start(rd->xs);
    if (rd->t == XBT_NULL)
        return true;
    keys_backend_path(path, sizeof(path), rd->domid, rd->n, NULL);
    *owner_r = store_owner(rd->xs, rd->t, path);
    r->present = *owner_r == STORE_DOM0;
    if (r->present) {
        for (int key = 0; key < KEYS_TEXT_N; key++)
            text_read(rd, key, r);
        ring_read(rd, r);
    }
    /* Nothing was written: only reads are there to collide. */
    return xs_transaction_end(rd->xs, rd->t, false) || errno != EAGAIN;
}

bool keys_read(struct xs_handle *xs, uint32_t domid, unsigned int n,
               struct keys *r)
{
    struct reader rd = { .xs = xs, .domid = domid, .n = n };
    enum store_owner owner;

    memset(r, 0, sizeof(*r));
    for (int i = 0; i < READ_TRIES; i++)
        if (keys_read_once(&rd, r, &owner))
            break;
    return owner != STORE_FOREIGN;
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
