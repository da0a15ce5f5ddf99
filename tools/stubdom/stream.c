/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

static void stream_turn(void *data);

void stream_stop(struct stream *stream)
{
    if (!stream->active)
        return;
    stream->active = false;
    loop_timer_clear(stream->loop, &stream->turn);
    loop_del(stream->loop, &stream->from_id);
    loop_del(stream->loop, &stream->to_id);
}

static void stream_end(struct stream *stream, int error)
{
    stream_stop(stream);
    stream->done(stream->data, error);    /* must be last */
}

/* 1: goes on, 0: has to wait, -1: at the end or failed (*error_r). */
static int stream_step(struct stream *stream, int *error_r)
{
    ssize_t n;

    *error_r = 0;
    if (stream->chunk_at == stream->chunk_n) {
        n = read(stream->from, stream->chunk, sizeof(stream->chunk));
        if (n < 0 && errno == EAGAIN && stream->finishing)
            return -1;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n <= 0) {
            *error_r = n ? errno : 0;
            return -1;
        }
        stream->chunk_at = 0;
        stream->chunk_n = (size_t)n;
        stream->crc = (uint32_t)crc32(stream->crc, (Bytef *)stream->chunk,
                                      (uInt)n);
    }
    n = write(stream->to, stream->chunk + stream->chunk_at,
              stream->chunk_n - stream->chunk_at);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n < 0) {
        *error_r = errno;
        return -1;
    }
    stream->chunk_at += (size_t)n;
    stream->copied += (uint64_t)n;
    return n > 0;
}

/* Waits for the side that is owed something. */
static void stream_update(struct stream *stream)
{
    bool writing = stream->chunk_at < stream->chunk_n;

    loop_mod(stream->loop, stream->to_id, writing ? EPOLLOUT : 0);
    loop_mod(stream->loop, stream->from_id, writing ? 0 : EPOLLIN);
    if (stream->finishing && !writing)
        loop_timer_set(stream->loop, &stream->turn, 0, stream_turn, stream);
}

static void stream_turn(void *data)
{
    struct stream *stream = data;
    int error, r = 1;

    /* A bounded turn: QMP goes on meanwhile. */
    for (int i = 0; i < 16 && r > 0; i++)
        r = stream_step(stream, &error);
    if (r < 0)
        stream_end(stream, error);    /* must be last */
    else
        stream_update(stream);
}

static void stream_readable(void *data, uint32_t events)
{
    (void)events;
    stream_turn(data);
}

static void stream_writable(void *data, uint32_t events)
{
    /* The other end of a pipe has gone: QEMU has all that it wants. */
    if (events & (EPOLLERR | EPOLLHUP))
        stream_end(data, EPIPE);    /* must be last */
    else
        stream_turn(data);
}

void stream_finish(struct stream *stream)
{
    stream->finishing = true;
    stream_update(stream);
}

int stream_start(struct stream *stream, struct loop *loop, int from, int to,
                 stream_done_fn *done, void *data)
{
    *stream = (struct stream){
        .loop = loop, .from = from, .to = to, .done = done, .data = data,
    };
    if (loop_add(loop, to, 0, stream_writable, stream, &stream->to_id))
        return -1;
    if (loop_add(loop, from, EPOLLIN, stream_readable, stream,
                 &stream->from_id)) {
        loop_del(loop, &stream->to_id);
        return -1;
    }
    stream->active = true;
    stream_update(stream);
    return 0;
}
