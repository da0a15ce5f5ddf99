/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream.h"

#include <errno.h>
#include <unistd.h>

void stream_init(struct stream *stream, size_t limit)
{
    *stream = (struct stream){ .fd = -1 };
    fifo_init(&stream->fifo, limit);
}

int stream_open(struct stream *stream, struct loop *loop, int fd,
                loop_fd_fn *fn, void *data)
{
    if (loop_add(loop, fd, EPOLLIN, fn, data, &stream->id))
        return -1;
    stream->loop = loop;
    stream->fd = fd;
    stream->readable = stream->hung_up = false;
    return 0;
}

void stream_close(struct stream *stream)
{
    if (stream->fd >= 0) {
        loop_del(stream->loop, &stream->id);
        close(stream->fd);
    }
    stream->fd = -1;
    stream->readable = stream->hung_up = false;
    fifo_dispose(&stream->fifo);
}

bool stream_is_open(const struct stream *stream)
{
    return stream->fd >= 0;
}

void stream_retire(struct stream *stream)
{
    loop_del(stream->loop, &stream->id);
}

void stream_events(struct stream *stream, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        stream->readable = true;
    if (events & (EPOLLHUP | EPOLLERR))
        stream->hung_up = true;
}

ssize_t stream_flush(struct stream *stream)
{
    ssize_t done = 0;

    while (stream->fifo.len) {
        size_t n;
        const char *bytes = fifo_front(&stream->fifo, &n);
        ssize_t r = write(stream->fd, bytes, n);

        if (r < 0 && errno == EINTR)
            continue;
        /* What was written is told first; the error comes again. */
        if (r < 0 && errno != EAGAIN)
            return done ? done : -1;
        if (r <= 0)
            break;
        fifo_consume(&stream->fifo, (size_t)r);
        done += r;
    }
    return done;
}

ssize_t stream_read(struct stream *stream, char *bytes, size_t n)
{
    ssize_t r;

    if (!stream->readable)
        return 0;
    r = read(stream->fd, bytes, n);
    if (r > 0) {
        /* Less is all that there is; of more epoll tells. */
        stream->readable = (size_t)r == n;
        return r;
    }
    if (r < 0 && (errno == EAGAIN || errno == EINTR)) {
        stream->readable = false;
        return 0;
    }
    return -1;
}

void stream_poll(struct stream *stream, bool room)
{
    uint32_t events = stream->fifo.len ? EPOLLOUT : 0;

    if (stream->fd < 0)
        return;
    /* Once seen, the bytes are fetched by the next turn with room. */
    if (room && !stream->readable)
        events |= EPOLLIN;
    loop_mod(stream->loop, stream->id, events);
}
