/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The directory itself, not one that a link at its place leads to; and
 * where in path the file's name begins. */
static int directory_open(const char *path, const char **name_r)
{
    const char *slash = strrchr(path, '/');
    int length = slash ? (int)(slash - path) : 0;
    char dir[PATH_MAX];

    *name_r = slash ? slash + 1 : path;
    if (strlen(path) >= sizeof(dir)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    /* With a slash at its end a link would be followed. */
    while (length > 1 && path[length - 1] == '/')
        length--;
    snprintf(dir, sizeof(dir), "%.*s", slash ? length ? length : 1 : 1,
             slash ? path : ".");
    return open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t r = write(fd, bytes, n);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return -1;
        bytes += r;
        n -= (size_t)r;
    }
    return 0;
}

/* O_EXCL: none that somebody has put there meanwhile. */
static int file_write(int dir, const char *name, const void *bytes, size_t n)
{
    int fd, r;

    if (unlinkat(dir, name, 0) && errno != ENOENT)
        return -1;
    fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
                O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    r = write_all(fd, bytes, n);
    return close(fd) || r ? -1 : 0;
}

int replace_file(const char *path, const void *bytes, size_t n)
{
    const char *name;
    char fresh[NAME_MAX + 1];
    int dir = directory_open(path, &name), r = -1, error;

    if (dir < 0)
        return -1;
    errno = ENAMETOOLONG;
    if (snprintf(fresh, sizeof(fresh), "%s.new", name) <
        (int)sizeof(fresh)) {
        r = file_write(dir, fresh, bytes, n) ||
            renameat(dir, fresh, dir, name) ? -1 : 0;
        error = errno;
        if (r)
            unlinkat(dir, fresh, 0);
        errno = error;
    }
    error = errno;
    close(dir);
    errno = error;
    return r;
}
