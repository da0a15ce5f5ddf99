/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Clients that connect at once; libxl, xl, libvirt and monitoring. */
#define HELPER_BACKLOG 64

#define MODE_OWN     0600
#define GROUP_AS_IS  ((gid_t)-1)

int helper_socket_listen(struct helper_socket *s, const char *path)
{
    return helper_socket_listen_for(s, path, GROUP_AS_IS, MODE_OWN);
}

int helper_socket_listen_for(struct helper_socket *s, const char *path,
                             gid_t group, mode_t mode)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct stat st;
    mode_t mask;
    int r;

    *s = (struct helper_socket){ .fd = -1 };
    if (strlen(path) + 5 > sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s.new", path);
    unlink(addr.sun_path);

    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return -1;
    mask = umask(0177);
    r = bind(s->fd, (struct sockaddr *)&addr, sizeof(addr));
    umask(mask);
    if (r || listen(s->fd, HELPER_BACKLOG) ||
        lchown(addr.sun_path, (uid_t)-1, group) ||
        chmod(addr.sun_path, mode) || stat(addr.sun_path, &st) ||
        rename(addr.sun_path, path)) {
        int saved = errno;

        unlink(addr.sun_path);
        close(s->fd);
        s->fd = -1;
        errno = saved;
        return -1;
    }
    snprintf(s->path, sizeof(s->path), "%s", path);
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    return 0;
}

void helper_socket_dispose(struct helper_socket *s)
{
    struct stat st;

    if (s->fd < 0)
        return;
    /* Before the close: then the number may be a later file's. */
    if (!lstat(s->path, &st) && st.st_dev == s->dev && st.st_ino == s->ino)
        unlink(s->path);
    close(s->fd);
    s->fd = -1;
}
