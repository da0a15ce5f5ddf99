/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader and writer of a console, on one non-blocking descriptor: a
 * pty's master or a connection. Bytes for the reader wait in a bounded
 * queue; bytes from it stay in the kernel until the guest's ring has room.
 *
 * SIGPIPE must be ignored.
 */
#ifndef XENQMP_CONSOLE_OUTPUT_STREAM_H
#define XENQMP_CONSOLE_OUTPUT_STREAM_H

#include "console/files/fifo.h"
#include "tools/common/loop.h"

#include <sys/types.h>

struct stream {
    /* readable */
    struct fifo fifo;           /* for the reader */
    bool hung_up;               /* no more than what can be read now */
    /* private */
    struct loop *loop;
    int fd;                     /* -1: closed */
    loop_id id;
    bool readable;              /* there may be bytes for the guest */
};

void stream_init(struct stream *stream, size_t limit);
/* Takes over fd if it succeeds. fn is called with what epoll reports and
 * passes it to stream_events(). */
int stream_open(struct stream *stream, struct loop *loop, int fd,
                loop_fd_fn *fn, void *data);
/* Forgets what is queued. Idempotent. */
void stream_close(struct stream *stream);
bool stream_is_open(const struct stream *stream);
/* Open it stays, but the loop hears no more of it. */
void stream_retire(struct stream *stream);

void stream_events(struct stream *stream, uint32_t events);
/* Writes what the reader takes; how many bytes, -1 if it is gone. */
ssize_t stream_flush(struct stream *stream);
/* 0: nothing there now; -1: the end. */
ssize_t stream_read(struct stream *stream, char *bytes, size_t n);
/* Waits for what makes progress possible; room: the guest's ring has
 * some. To be called after every change. */
void stream_poll(struct stream *stream, bool room);

#endif
