/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Another writer wins each time: xenstore is no longer usable. A host that
 * starts many guests at once collides now and then. */
#define STORE_TRIES 200

#define FORMAT_PATH(path) do {                          \
        va_list ap;                                     \
        va_start(ap, fmt);                              \
        vsnprintf(path, sizeof(path), fmt, ap);         \
        va_end(ap);                                     \
    } while (0)

char *store_read(struct xs_handle *xs, xs_transaction_t t,
                 const char *fmt, ...)
{
    struct xs_permissions *perms;
    char path[STORE_PATH_MAX], *value;
    unsigned int n;
    bool ours;

    FORMAT_PATH(path);
    /* The value first: a node once dom0's stays dom0's. */
    value = xs_read(xs, t, path, &n);
    if (!value)
        return NULL;
    perms = xs_get_permissions(xs, t, path, &n);
    ours = perms && n && perms[0].id == 0;
    free(perms);
    if (!ours) {
        free(value);
        return NULL;
    }
    return value;
}

bool store_write(struct xs_handle *xs, xs_transaction_t t, const char *value,
                 const char *fmt, ...)
{
    char path[STORE_PATH_MAX];

    FORMAT_PATH(path);
    return xs_write(xs, t, path, value, (unsigned int)strlen(value));
}

static bool set_permissions(struct xs_handle *xs, xs_transaction_t t,
                            const char *path, uint32_t owner,
                            uint32_t reader)
{
    struct xs_permissions perms[2] = {
        { .id = owner, .perms = XS_PERM_NONE },
        { .id = reader, .perms = XS_PERM_READ },
    };

    return xs_set_permissions(xs, t, path, perms, 2);
}

bool store_write_readable(struct xs_handle *xs, xs_transaction_t t,
                          uint32_t domid, const char *value,
                          const char *fmt, ...)
{
    char path[STORE_PATH_MAX];

    FORMAT_PATH(path);
    return xs_write(xs, t, path, value, (unsigned int)strlen(value)) &&
           set_permissions(xs, t, path, 0, domid);
}

bool store_mkdir(struct xs_handle *xs, xs_transaction_t t, uint32_t owner,
                 uint32_t reader, const char *fmt, ...)
{
    char path[STORE_PATH_MAX];

    FORMAT_PATH(path);
    return xs_mkdir(xs, t, path) &&
           set_permissions(xs, t, path, owner, reader);
}

char **store_list(struct xs_handle *xs, xs_transaction_t t,
                  unsigned int *n_r, const char *fmt, ...)
{
    char path[STORE_PATH_MAX], **names;

    FORMAT_PATH(path);
    names = xs_directory(xs, t, path, n_r);
    if (!names)
        *n_r = 0;
    return names;
}

bool store_rm(struct xs_handle *xs, xs_transaction_t t, const char *fmt, ...)
{
    char path[STORE_PATH_MAX];

    FORMAT_PATH(path);
    return xs_rm(xs, t, path);
}

int store_transaction(struct xs_handle *xs, store_fn *fn, void *data)
{
    for (int i = 0; i < STORE_TRIES; i++) {
        xs_transaction_t t = xs_transaction_start(xs);
        int saved;

        if (!t)
            return -1;
        if (fn(xs, t, data)) {
            saved = errno;
            xs_transaction_end(xs, t, true);
            errno = saved;
            return -1;
        }
        if (xs_transaction_end(xs, t, false))
            return 0;
        if (errno != EAGAIN)
            return -1;
    }
    return -1;
}

uint32_t store_guest_of(struct xs_handle *xs, uint32_t domid)
{
    char *target = store_read(xs, XBT_NULL, "/local/domain/%u/target",
                              domid);
    uint32_t guest = target ? (uint32_t)strtoul(target, NULL, 10) : domid;

    free(target);
    return guest;
}

bool store_domain_is_gone(struct xs_handle *xs, uint32_t domid)
{
    char *node = store_read(xs, XBT_NULL, "/local/domain/%u/domid", domid);
    bool gone = !node && errno == ENOENT;

    free(node);
    return gone;
}
