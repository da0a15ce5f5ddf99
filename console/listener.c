/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listener.h"

#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Connections that may wait to be accepted: a few clients, and each guest's
 * helper at once, which looks whether somebody listens. */
#define LISTENER_BACKLOG 128
/* Accepted before others get their turn: who connects and hangs up without
 * end is as fast as we are. */
#define LISTENER_BATCH 16
/* How soon to accept again when descriptors ran out. */
#define LISTENER_RETRY_MS 1000

static int address_set(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(address->sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address->sun_path, path);
    return 0;
}

static int stale_remove(const char *path)
{
    struct stat st;

    if (lstat(path, &st))
        return errno == ENOENT ? 0 : -1;
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return -1;
    }
    return unlink(path);
}

/* The listening descriptor, and what stands for it at path; or -1 with
 * errno and nothing left behind. */
static int socket_listen(const char *path, uid_t uid, struct stat *st_r)
{
    struct sockaddr_un address;
    mode_t mask;
    int fd, r;

    if (address_set(&address, path) || stale_remove(path))
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    mask = umask(0177);
    r = bind(fd, (struct sockaddr *)&address, sizeof(address));
    umask(mask);
    if (!r && uid && lchown(path, uid, (gid_t)-1))
        r = -2;
    if (!r && (lstat(path, st_r) || listen(fd, LISTENER_BACKLOG)))
        r = -2;
    if (r) {
        int error = errno;

        if (r == -2)
            unlink(path);
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static void listener_resume(void *data)
{
    struct listener *listener = data;

    loop_mod(listener->loop, listener->id, EPOLLIN);
}

static bool peer_is_allowed(const struct listener *listener, int fd)
{
    struct ucred peer;
    socklen_t n = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n))
        return false;
    if (peer.uid == 0 || peer.uid == listener->uid)
        return true;
    log_guest(listener->domid, LOG_LEVEL_WARN, "refused a connection of "
              "user %u to %s", peer.uid, listener->path);
    return false;
}

/* What accept() has failed with is in errno. */
static void listener_failed(struct listener *listener)
{
    if (errno == EAGAIN)
        return;
    log_guest(listener->domid, LOG_LEVEL_WARN, "cannot accept a connection "
              "to %s: %s", listener->path, strerror(errno));
    loop_mod(listener->loop, listener->id, 0);
    loop_timer_set(listener->loop, &listener->retry, LISTENER_RETRY_MS,
                   listener_resume, listener);
}

static void listener_event(void *data, uint32_t events)
{
    struct listener *listener = data;

    (void)events;
    for (int i = 0; i < LISTENER_BATCH; i++) {
        int fd = accept4(listener->fd, NULL, NULL,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0) {
            listener_failed(listener);
            return;
        }
        if (peer_is_allowed(listener, fd))
            listener->fn(listener->data, fd);
        else
            close(fd);
    }
}

void listener_init(struct listener *listener)
{
    *listener = (struct listener){ .fd = -1 };
}

int listener_open(struct listener *listener, struct loop *loop,
                  const char *path, uint32_t domid, uid_t uid,
                  listener_fn *fn, void *data)
{
    struct stat st;

    listener->domid = domid;
    listener->loop = loop;
    listener->uid = uid;
    listener->fn = fn;
    listener->data = data;
    listener->path = strdup(path);
    if (!listener->path)
        return -1;
    listener->fd = socket_listen(path, uid, &st);
    if (listener->fd >= 0) {
        listener->dev = st.st_dev;
        listener->ino = st.st_ino;
    }
    if (listener->fd < 0 ||
        loop_add(loop, listener->fd, EPOLLIN, listener_event, listener,
                 &listener->id)) {
        int error = errno;

        listener_dispose(listener);
        errno = error;
        return -1;
    }
    return 0;
}

static bool path_is_ours(const struct listener *listener)
{
    struct stat st;

    return !lstat(listener->path, &st) && st.st_dev == listener->dev &&
           st.st_ino == listener->ino;
}

void listener_dispose(struct listener *listener)
{
    if (listener->loop) {
        loop_timer_clear(listener->loop, &listener->retry);
        loop_del(listener->loop, &listener->id);
    }
    if (listener->fd >= 0) {
        /* Before the close: then the number may be a later file's. */
        if (path_is_ours(listener))
            unlink(listener->path);
        close(listener->fd);
    }
    free(listener->path);
    listener_init(listener);
}

bool listener_is_served(const char *path)
{
    struct sockaddr_un address;
    bool served;
    int fd;

    if (address_set(&address, path))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    /* EAGAIN: one who listens has his hands full. */
    served = !connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
             errno == EAGAIN;
    close(fd);
    return served;
}
