/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control.h"

#include "config.h"
#include "tools/common/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONTROL_VERSION 1

struct control_peer {
    struct control *control;
    uint64_t number;
    struct control_peer *next;
    int fd;
    loop_id id;
    char line[CONTROL_LINE_MAX];
    size_t line_n;
    struct qmp_buf reply;
    bool asked;                 /* the first line was, in vain so far */
    struct loop_timer idle;     /* set while replies wait */
};

static void peer_free(struct control_peer *peer)
{
    struct control *control = peer->control;
    struct control_peer **p = &control->peers;

    while (*p != peer)
        p = &(*p)->next;
    *p = peer->next;
    control->peers_n--;
    loop_timer_clear(control->loop, &peer->idle);
    loop_del(control->loop, &peer->id);
    if (peer->fd >= 0)
        close(peer->fd);
    qmp_buf_dispose(&peer->reply);
    if (control->ops->gone)
        control->ops->gone(control->data, peer->number);
    free(peer);
}

static void peer_idle(void *data)
{
    struct control_peer *peer = data;

    log_guest(peer->control->listener.domid, LOG_LEVEL_WARN,
              "a client of %s takes no replies; disconnected",
              peer->control->listener.path);
    peer_free(peer);
}

/* -1: the peer is gone. */
static int peer_flush(struct control_peer *peer)
{
    struct loop *loop = peer->control->loop;
    ssize_t r = 0;

    while (peer->reply.len) {
        r = send(peer->fd, peer->reply.data, peer->reply.len,
                 MSG_NOSIGNAL);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            break;
        qmp_buf_consume(&peer->reply, (size_t)r);
        loop_timer_clear(loop, &peer->idle);
    }
    if (r < 0 && errno != EAGAIN)
        return -1;
    if (!peer->reply.len)
        loop_timer_clear(loop, &peer->idle);
    else if (!loop_timer_is_set(&peer->idle))
        loop_timer_set(loop, &peer->idle, CONTROL_IDLE_MS, peer_idle, peer);
    /* One thing at a time: no request before the replies are gone. */
    loop_mod(loop, peer->id, peer->reply.len ? EPOLLOUT :
                             peer->asked ? EPOLLRDHUP : EPOLLIN);
    return 0;
}

/* The peer goes, its connection is the taker's. -1, for the callers. */
static int peer_give(struct control_peer *peer, const char *line, size_t n)
{
    /* All of the answer, and nothing sent ahead of it: the stream begins
     * right behind. */
    if (peer_flush(peer) || peer->reply.len || n + 1 != peer->line_n)
        return -1;
    loop_del(peer->control->loop, &peer->id);
    peer->control->ops->take(peer->control->data, line, peer->fd);
    peer->fd = -1;
    return -1;
}

/* 1: answered; 0: there is no answer yet, the line stays; -1: the peer is
 * to go. */
static int peer_request(struct control_peer *peer, size_t n)
{
    enum control_result result;
    char line[CONTROL_LINE_MAX];
    size_t end = n;

    if (n && peer->line[n - 1] == '\r')
        end--;
    memcpy(line, peer->line, end);
    line[end] = '\0';
    log_sanitise(line, end);
    result = peer->control->ops->answer(peer->control->data, peer->number,
                                        line, peer->asked, &peer->reply);
    peer->asked = result == CONTROL_LATER;
    if (result == CONTROL_TAKE)
        return peer_give(peer, line, n);
    return result == CONTROL_ANSWERED;
}

/* Answers the complete lines that have come. -1: the peer is to go, a line
 * is too long for one. */
static int peer_lines(struct control_peer *peer)
{
    char *nl;

    while (!peer->reply.len &&
           (nl = memchr(peer->line, '\n', peer->line_n))) {
        int r = peer_request(peer, (size_t)(nl - peer->line));

        if (r < 0)
            return -1;
        if (!r)
            break;
        peer->line_n -= (size_t)(nl + 1 - peer->line);
        memmove(peer->line, nl + 1, peer->line_n);
        if (peer_flush(peer))
            return -1;
    }
    if (peer->line_n == sizeof(peer->line) && !peer->reply.len &&
        !peer->asked)
        return -1;
    return peer_flush(peer);
}

static int peer_serve(struct control_peer *peer, uint32_t events)
{
    ssize_t r;

    if (events & EPOLLOUT && peer_flush(peer))
        return -1;
    if (peer->asked) {
        /* It has hung up: nobody waits for the answer. */
        if (events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP))
            return -1;
    } else if (!peer->reply.len && peer->line_n < sizeof(peer->line)) {
        r = recv(peer->fd, peer->line + peer->line_n,
                 sizeof(peer->line) - peer->line_n, 0);
        if (r < 0 && (errno == EAGAIN || errno == EINTR))
            r = 0;
        else if (r <= 0)
            return -1;
        peer->line_n += (size_t)r;
    } else if (events & (EPOLLERR | EPOLLHUP)) {
        return -1;
    }
    return peer_lines(peer);
}

static void peer_event(void *data, uint32_t events)
{
    struct control_peer *peer = data;

    if (peer_serve(peer, events))
        peer_free(peer);
}

static void peers_ask(void *data)
{
    struct control *control = data;
    struct control_peer *next;

    for (struct control_peer *peer = control->peers; peer; peer = next) {
        next = peer->next;
        if (peer->asked && peer_lines(peer))
            peer_free(peer);
    }
}

void control_ask_again(struct control *control)
{
    if (control->peers &&
        loop_timer_set(control->loop, &control->ask, 0, peers_ask, control))
        log_error("out of memory: a client of %s is not answered",
                  control->listener.path);
}

static void control_opened(void *data, int error)
{
    struct control *control = data;

    if (error && control->failed)
        control->failed(control->data, error);  /* must be last */
}

static void peer_add(void *data, int fd)
{
    static uint64_t last_number;
    struct control *control = data;
    struct control_peer *peer = NULL;

    if (control->peers_n < CONTROL_CONNECTIONS_MAX)
        peer = calloc(1, sizeof(*peer));
    if (!peer || loop_add(control->loop, fd, EPOLLIN, peer_event, peer,
                          &peer->id)) {
        log_guest(control->listener.domid, LOG_LEVEL_WARN,
                  "too many connections to %s; refused one",
                  control->listener.path);
        free(peer);
        close(fd);
        return;
    }
    peer->control = control;
    peer->number = ++last_number;
    peer->fd = fd;
    qmp_buf_init(&peer->reply, CONTROL_REPLY_MAX);
    peer->next = control->peers;
    control->peers = peer;
    control->peers_n++;
    if (qmp_buf_printf(&peer->reply, "xenconsoled %d %ld %s\n",
                       CONTROL_VERSION, (long)getpid(), XENQMP_VERSION) ||
        peer_flush(peer))
        peer_free(peer);
}

void control_init(struct control *control)
{
    *control = (struct control){ .peers = NULL };
    listener_init(&control->listener);
}

int control_open(struct control *control, struct loop *loop,
                 struct lanes *lanes, const char *path, uint32_t domid,
                 uid_t uid, const struct control_ops *ops, void *data)
{
    static const struct listener_ops listener_ops = {
        .opened = control_opened, .accepted = peer_add,
    };

    control->loop = loop;
    control->ops = ops;
    control->data = data;
    return listener_open(&control->listener, loop, lanes, path, domid, uid,
                         &listener_ops, control);
}

bool control_is_open(const struct control *control)
{
    return listener_is_open(&control->listener);
}

void control_dispose(struct control *control)
{
    while (control->peers)
        peer_free(control->peers);
    if (control->loop)
        loop_timer_clear(control->loop, &control->ask);
    listener_dispose(&control->listener);
}
