/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames in a stream of bytes that may begin and be cut anywhere
 * (docs/display-protocol.md): a zero byte ends a frame and is nowhere else
 * in it, by Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999),
 * which costs one byte in 254. Whatever came before, what follows a zero is
 * a frame.
 */
#ifndef XENQMP_LIBXL_LINK_FRAMES_H
#define XENQMP_LIBXL_LINK_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "libxl/qmp/buf.h"

enum frame_type {
    FRAME_NONE = 0,             /* not complete yet */
    FRAME_BAD = 1,              /* too long, or no frame at all */
    FRAME_RESET = 'R', FRAME_READY = 'Y', FRAME_LOST = 'L',
    FRAME_OPEN = 'O', FRAME_DATA = 'D', FRAME_CLOSE = 'C',
    FRAME_CREDIT = '+',
};

/* Bytes after the type and the channel. */
#define FRAME_PAYLOAD_MAX 4096
#define FRAME_MAX         (2 + FRAME_PAYLOAD_MAX)
/* As it is sent, with its zero. */
#define FRAME_CODED_MAX   (FRAME_MAX + FRAME_MAX / 254 + 2)

struct frame {
    enum frame_type type;       /* of the peer's: maybe none of these */
    uint8_t channel;
    const uint8_t *payload;     /* until the next frames_take() */
    size_t n;
};

struct frames {
    /* private */
    uint8_t bytes[FRAME_CODED_MAX];
    size_t n;                   /* above the size: too long */
};

void frames_init(struct frames *frames);
/* Takes bytes up to the end of a frame, and returns how many; the frame is
 * FRAME_NONE if there is no end among them. An empty one is none. */
size_t frames_take(struct frames *frames, const void *bytes, size_t n,
                   struct frame *frame_r);

/* Ends whatever has been cut off before. -1: errno, as qmp_buf_append(). */
int frames_put_end(struct qmp_buf *out);
/* All or nothing; n <= FRAME_PAYLOAD_MAX. */
int frames_put(struct qmp_buf *out, enum frame_type type, uint8_t channel,
               const void *payload, size_t n);

#endif
