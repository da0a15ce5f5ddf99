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

/* Of a reading, in this order; the text keys one by one in between, of which
 * a console that another serves has type and name only. One that
 * expects something begins at the last, and goes on with the ring, or with
 * the first. */
enum { STEP_START, STEP_TEXT, STEP_END = STEP_TEXT + KEYS_TEXT_N,
       STEP_RING, STEP_EXPECT };

static const char *const text_names[] = {
    [KEY_TYPE] = "type",
    [KEY_OUTPUT] = "output",
    [KEY_POLICY] = "policy",
    [KEY_LIMIT] = "limit",
    [KEY_NAME] = "name",
};
static_assert(KEY_TYPE == 0, "it says whether others are read");
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

void keys_watched_path(char *path, size_t size, uint32_t domid,
                       unsigned int n)
{
    snprintf(path, size, "/local/domain/%" PRIu32 "%s/console", domid,
             n ? "/device" : "");
}

void keys_frontend_path(char *path, size_t size, uint32_t domid,
                        unsigned int n, const char *key)
{
    char number[16];

    keys_watched_path(path, size, domid, n);
    snprintf(number, sizeof(number), "%u", n);
    if (n)
        path_end(path, size, number);
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

static enum keys_part text_part(const char *key)
{
    for (int i = 0; i < KEYS_TEXT_N; i++)
        if (!strcmp(key, text_names[i]))
            return KEYS_ALL;
    return KEYS_NOTHING;
}

enum keys_part keys_of_frontend(unsigned int n, const char *key)
{
    if (!key)
        return KEYS_ALL;
    if (!strcmp(key, "ring-ref") || !strcmp(key, "port"))
        return n ? KEYS_RING : KEYS_ALL;
    if (!strcmp(key, "state"))
        return n ? KEYS_RING : KEYS_NOTHING;
    return text_part(key);
}

enum keys_part keys_of_backend(const char *key)
{
    return key ? text_part(key) : KEYS_ALL;
}

static void text_read(struct keys_reading *rd, enum keys_text key)
{
    struct keys *r = &rd->keys;
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

/* Whether the text is what was expected, whoever wrote it. */
static bool text_is_expected(const struct keys_reading *rd,
                             enum keys_text key)
{
    const char *expected = rd->expected[key];
    char path[STORE_PATH_MAX];
    char *value;
    bool r;

    keys_backend_path(path, sizeof(path), rd->domid, rd->n,
                      text_names[key]);
    value = store_read(rd->xs, XBT_NULL, path);
    if (!value) {
        keys_frontend_path(path, sizeof(path), rd->domid, rd->n,
                           text_names[key]);
        value = store_read(rd->xs, XBT_NULL, path);
    }
    r = value && expected ? !strcmp(value, expected) : !value && !expected;
    free(value);
    return r;
}

/* False: no such number. The primary console's are dom0's; the others' need
 * no transaction, which makes xenstored copy each node that is read, and
 * which a guest that writes them all the time would have tried again. */
static bool number_read(const struct keys_reading *rd, const char *key,
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

bool keys_ring_ref(struct xs_handle *xs, uint32_t domid, unsigned int n,
                   uint32_t *ring_ref_r)
{
    const struct keys_reading rd = { .xs = xs, .domid = domid, .n = n };
    unsigned long long ring_ref;

    if (!number_read(&rd, "ring-ref", UINT32_MAX, &ring_ref))
        return false;
    *ring_ref_r = (uint32_t)ring_ref;
    return true;
}

static void ring_read(struct keys_reading *rd)
{
    unsigned long long ring_ref, port, state;
    struct keys *r = &rd->keys;

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

/* False: that is all. */
static bool directory_read(struct keys_reading *rd)
{
    enum store_owner owner = STORE_FOREIGN;
    char path[STORE_PATH_MAX];

    keys_dispose(&rd->keys);
    rd->t = xs_transaction_start(rd->xs);
    if (rd->t != XBT_NULL) {
        keys_backend_path(path, sizeof(path), rd->domid, rd->n, NULL);
        owner = store_owner(rd->xs, rd->t, path);
    }
    rd->known = owner != STORE_FOREIGN;
    rd->error = errno;
    rd->keys.present = owner == STORE_DOM0;
    return rd->keys.present;
}

/* False: once more. */
static bool transaction_end(struct keys_reading *rd)
{
    xs_transaction_t t = rd->t;

    if (t == XBT_NULL)
        return true;
    rd->t = XBT_NULL;
    /* Nothing was written: only reads are there to collide. */
    rd->agreed = xs_transaction_end(rd->xs, t, !rd->known) ||
                 errno != EAGAIN;
    return rd->agreed || !--rd->tries;
}

void keys_reading_start(struct keys_reading *rd, struct xs_handle *xs,
                        uint32_t domid, unsigned int n, enum keys_part part,
                        unsigned int tries)
{
    *rd = (struct keys_reading){ .xs = xs, .domid = domid, .n = n,
                                 .part = part, .tries = tries,
                                 .t = XBT_NULL };
    rd->step = part == KEYS_ALL ? STEP_START : STEP_RING;
}

void keys_reading_expect(struct keys_reading *rd, char *const *expected)
{
    rd->expected = expected;
    rd->step = STEP_EXPECT;
}

static void expected_step(struct keys_reading *rd)
{
    if (!text_is_expected(rd, (enum keys_text)(rd->step - STEP_EXPECT))) {
        rd->step = STEP_START;
    } else if (++rd->step == STEP_EXPECT + KEYS_TEXT_N) {
        rd->part = KEYS_RING;
        rd->step = STEP_RING;
    }
}

bool keys_reading_step(struct keys_reading *rd)
{
    bool ours;

    if (rd->step >= STEP_EXPECT) {
        expected_step(rd);
        return false;
    }
    switch (rd->step) {
    case STEP_START:
        rd->step = directory_read(rd) ? STEP_TEXT : STEP_END;
        return false;
    default:
        text_read(rd, (enum keys_text)(rd->step - STEP_TEXT));
        ours = keys_type_is_ours(&rd->keys, rd->n);
        rd->step = ours || rd->step > STEP_TEXT ? rd->step + 1 :
                   STEP_TEXT + KEY_NAME;
        return false;
    case STEP_END:
        ours = rd->keys.present && keys_type_is_ours(&rd->keys, rd->n);
        if (!rd->n && ours && rd->t != XBT_NULL)
            ring_read(rd);
        if (!transaction_end(rd)) {
            rd->step = STEP_START;
            return false;
        }
        rd->step = STEP_RING;
        return !rd->n || !ours;
    case STEP_RING:
        ring_read(rd);
        return true;
    }
}

void keys_reading_dispose(struct keys_reading *rd)
{
    if (rd->t != XBT_NULL)
        xs_transaction_end(rd->xs, rd->t, true);
    rd->t = XBT_NULL;
    keys_dispose(&rd->keys);
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
