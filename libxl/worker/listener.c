/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "tools/common/log.h"

static void listener_again(void *data)
{
    struct listener *listener = data;

    loop_mod(listener->clients->loop, listener->id, EPOLLIN);
}

/* Nobody is accepted for so long. */
static void listener_pause(struct listener *listener, int64_t ms)
{
    loop_mod(listener->clients->loop, listener->id, 0);
    /* Without memory it goes on. */
    if (loop_timer_set(listener->clients->loop, &listener->retry, ms,
                       listener_again, listener))
        listener_again(listener);
}

/* After a client of a socket for fewer commands. */
static void listener_keep_pace(struct listener *listener)
{
    int64_t now = loop_now_ms(), wait;

    pace_take(&listener->pace, WORKER_LESSER_INTERVAL_MS, now);
    wait = pace_wait(&listener->pace, WORKER_LESSER_BURST,
                     WORKER_LESSER_INTERVAL_MS, now);
    if (wait)
        listener_pause(listener, wait);
}

static void listener_ready(void *data, uint32_t events)
{
    struct listener *listener = data;
    struct clients *clients = listener->clients;
    int fd = accept4(listener->fd, NULL, NULL,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd >= 0) {
        clients_add(clients, fd, listener->service, listener->server,
                    listener->policy);
        if (listener->policy->share != FLIGHT_FULL)
            listener_keep_pace(listener);
        return;
    }
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return;
    log_guest(clients->guest_domid, LOG_LEVEL_ERROR,
              "domain %u: QMP: can't accept a client: %s",
              clients->guest_domid, strerror(errno));
    listener_pause(listener, WORKER_ACCEPT_RETRY_MS);
}

int listener_init(struct listener *listener)
{
    int flags = fcntl(listener->fd, F_GETFL);

    listener->retry = (struct loop_timer){ 0 };
    listener->pace = (struct pace){ 0 };
    return flags < 0 ||
           fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) ||
           loop_add(listener->clients->loop, listener->fd, EPOLLIN,
                    listener_ready, listener, &listener->id) ? -1 : 0;
}
