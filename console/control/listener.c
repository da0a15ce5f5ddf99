/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listener.h"

#include "tools/common/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Accepted before others get their turn: who connects and hangs up without
 * end is as fast as we are. */
#define LISTENER_BATCH 16
/* How soon to accept again when descriptors ran out. */
#define LISTENER_RETRY_MS 1000

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
        int fd = accept4(listener->binding->fd, NULL, NULL,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0) {
            listener_failed(listener);
            return;
        }
        if (peer_is_allowed(listener, fd))
            listener->ops->accepted(listener->data, fd);
        else
            close(fd);
    }
}

void listener_init(struct listener *listener)
{
    *listener = (struct listener){ .binding = NULL };
}

static void listener_made(void *data, int error)
{
    struct listener *listener = data;

    if (!error && loop_add(listener->loop, listener->binding->fd, EPOLLIN,
                           listener_event, listener, &listener->id))
        error = errno;
    listener->ops->opened(listener->data, error);    /* must be last */
}

int listener_open(struct listener *listener, struct loop *loop,
                  struct lanes *lanes, const char *path, uint32_t domid,
                  uid_t uid, const struct listener_ops *ops, void *data)
{
    listener->domid = domid;
    listener->loop = loop;
    listener->uid = uid;
    listener->ops = ops;
    listener->data = data;
    listener->path = strdup(path);
    if (listener->path)
        listener->binding = binding_make(lanes, path, uid, listener_made,
                                         listener);
    return listener->binding ? 0 : -1;
}

bool listener_is_open(const struct listener *listener)
{
    return listener->binding && listener->binding->fd >= 0;
}

void listener_dispose(struct listener *listener)
{
    if (listener->loop) {
        loop_timer_clear(listener->loop, &listener->retry);
        loop_del(listener->loop, &listener->id);
    }
    binding_remove(listener->binding);
    free(listener->path);
    listener_init(listener);
}

bool listener_is_served(const char *path)
{
    struct sockaddr_un address;
    bool served;
    int fd;

    if (binding_address(&address, path))
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
