/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies one descriptor into another, both in the loop, as fast as the
 * slower one lets it: the state that QEMU saves from a FIFO to console 1, and
 * the one to restore from console 2 into QEMU's pipe.
 */
#ifndef XENQMP_TOOLS_STUBDOM_STREAM_H
#define XENQMP_TOOLS_STUBDOM_STREAM_H

#include "tools/common/loop.h"

/* A tty takes at most some KB at a time. */
#define STREAM_CHUNK 4096

/* error: 0 at the end of the source, else errno. */
typedef void stream_done_fn(void *data, int error);

struct stream {
    /* readable */
    bool active;
    uint64_t copied;            /* bytes */
    uint32_t crc;               /* of all that was read: zlib's crc32() */
    /* private */
    struct loop *loop;
    int from, to;
    bool finishing;
    loop_id from_id, to_id;
    struct loop_timer turn;
    char chunk[STREAM_CHUNK];
    size_t chunk_n, chunk_at;
    stream_done_fn *done;
    void *data;
};

/* Both descriptors are non-blocking and stay the caller's. done is called
 * from the loop, once. -1: errno, done is not called. */
int stream_start(struct stream *stream, struct loop *loop, int from, int to,
                 stream_done_fn *done, void *data);
/* What can be read now is the rest. */
void stream_finish(struct stream *stream);
/* Ends it without a call of done. Idempotent. */
void stream_stop(struct stream *stream);

#endif
