/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xenstore_lib.h>

/* A transaction that collided this often competes with something that
 * writes the same node without end; the next watch event tries again. */
#define STORE_RETRIES 16

enum store_owner store_owner(struct xs_handle *xs, xs_transaction_t t,
                             const char *path)
{
    struct xs_permissions *perms;
    enum store_owner owner = STORE_FOREIGN;
    unsigned int n;

    perms = xs_get_permissions(xs, t, path, &n);
    if (!perms)
        return errno == ENOENT ? STORE_ABSENT : STORE_FOREIGN;
    if (n && perms[0].id == 0)
        owner = STORE_DOM0;
    free(perms);
    return owner;
}

char *store_read(struct xs_handle *xs, xs_transaction_t t,
                 const char *path)
{
    unsigned int len;
    char *value = xs_read(xs, t, path, &len);

    if (value && memchr(value, 0, len)) {
        free(value);
        return NULL;
    }
    return value;
}

enum store_owner store_read_owned(struct xs_handle *xs, xs_transaction_t t,
                                  const char *path, char **value_r)
{
    enum store_owner owner = store_owner(xs, t, path);

    *value_r = owner == STORE_DOM0 ? store_read(xs, t, path) : NULL;
    return owner == STORE_DOM0 && !*value_r ? STORE_ABSENT : owner;
}

/* errno EPERM: it is not. */
static bool write_allowed(struct xs_handle *xs, xs_transaction_t t,
                          const char *path)
{
    enum store_owner owner = store_owner(xs, t, path);
    char parent[STORE_PATH_MAX];
    char *slash;

    if (owner == STORE_ABSENT) {
        snprintf(parent, sizeof(parent), "%s", path);
        slash = strrchr(parent, '/');
        if (slash) {
            *slash = '\0';
            owner = store_owner(xs, t, parent);
        }
    }
    errno = EPERM;
    return owner == STORE_DOM0;
}

void store_clear_owned(struct xs_handle *xs, const char *path,
                       const char *value)
{
    for (int i = 0; i < STORE_RETRIES; i++) {
        xs_transaction_t t = xs_transaction_start(xs);
        char *found;
        bool ok;

        if (t == XBT_NULL)
            break;
        store_read_owned(xs, t, path, &found);
        ok = found && !strcmp(found, value) && xs_write(xs, t, path, "", 0);
        free(found);
        if (xs_transaction_end(xs, t, !ok) || errno != EAGAIN)
            break;
    }
}

bool store_write_owned(struct xs_handle *xs, const char *path,
                       const char *value)
{
    for (int i = 0; i < STORE_RETRIES; i++) {
        xs_transaction_t t = xs_transaction_start(xs);
        int error = 0;
        bool ok;

        if (t == XBT_NULL)
            break;
        ok = write_allowed(xs, t, path) &&
             xs_write(xs, t, path, value, (unsigned int)strlen(value));
        if (!ok)
            error = errno;
        if (xs_transaction_end(xs, t, !ok)) {
            errno = error;
            return ok;
        }
        if (errno != EAGAIN)
            break;
    }
    return false;
}

/* False: path is the root, or was. */
static bool path_up(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash)
        return false;
    *slash = '\0';
    return slash != path;
}

/* Goes up to the directory if there is nothing else in it. */
static bool path_up_alone(struct xs_handle *xs, xs_transaction_t t,
                          char *path)
{
    char parent[STORE_PATH_MAX];
    unsigned int n = 0;

    snprintf(parent, sizeof(parent), "%s", path);
    if (!path_up(parent))
        return false;
    free(xs_directory(xs, t, parent, &n));
    return n == 1 && path_up(path);
}

/* A node that is alone in its directory goes with it, and with those that
 * are empty then. */
static void orphan_remove(struct xs_handle *xs, const char *path)
{
    for (int i = 0; i < STORE_RETRIES; i++) {
        xs_transaction_t t = xs_transaction_start(xs);
        char top[STORE_PATH_MAX];
        bool ok;

        if (t == XBT_NULL)
            break;
        snprintf(top, sizeof(top), "%s", path);
        ok = path_up_alone(xs, t, top);
        while (ok && path_up_alone(xs, t, top))
            continue;
        ok = ok && xs_rm(xs, t, top);
        if (xs_transaction_end(xs, t, !ok) || errno != EAGAIN)
            break;
    }
}

bool store_write_backend(struct xs_handle *xs, const char *path,
                         const char *value)
{
    char top[STORE_PATH_MAX];

    if (store_owner(xs, XBT_NULL, path) != STORE_DOM0)
        return store_write_owned(xs, path, value);
    if (!xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value)))
        return false;
    snprintf(top, sizeof(top), "%s", path);
    if (path_up_alone(xs, XBT_NULL, top))
        orphan_remove(xs, path);
    return true;
}

int store_life_open(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *path = xs_daemon_socket();
    int fd;

    if (!path || strlen(path) >= sizeof(address.sun_path))
        return -1;
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !connect(fd, (struct sockaddr *)&address, sizeof(address)))
        return fd;
    close(fd);
    return -1;
}
