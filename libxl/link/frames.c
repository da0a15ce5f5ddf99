/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frames.h"

#include <string.h>

/* A code byte stands for itself less one bytes that follow and, but for the
 * largest, for a zero after them. */
#define CODE_MAX 255

void frames_init(struct frames *frames)
{
    frames->n = 0;
}

/* In place: what is decoded is never longer. -1: no frame. */
static int decode(uint8_t *bytes, size_t n, size_t *decoded_r)
{
    size_t from = 0, to = 0;

    while (from < n) {
        uint8_t code = bytes[from++];

        if ((size_t)code - 1 > n - from)
            return -1;
        memmove(bytes + to, bytes + from, code - 1u);
        to += code - 1u;
        from += code - 1u;
        if (code < CODE_MAX && from < n)
            bytes[to++] = 0;
    }
    *decoded_r = to;
    return 0;
}

static void frame_make(struct frames *frames, struct frame *frame)
{
    size_t n;

    frame->type = FRAME_BAD;
    if (frames->n > sizeof(frames->bytes) ||
        decode(frames->bytes, frames->n, &n) || n < 2 || n > FRAME_MAX)
        return;
    *frame = (struct frame){
        .type = frames->bytes[0], .channel = frames->bytes[1],
        .payload = frames->bytes + 2, .n = n - 2,
    };
    if (frame->type == FRAME_NONE)
        frame->type = FRAME_BAD;
}

size_t frames_take(struct frames *frames, const void *bytes, size_t n,
                   struct frame *frame_r)
{
    const uint8_t *from = bytes, *end = memchr(from, 0, n);
    size_t part = end ? (size_t)(end - from) : n;

    frame_r->type = FRAME_NONE;
    if (frames->n + part > sizeof(frames->bytes))
        frames->n = sizeof(frames->bytes) + 1;
    else if (part)
        memcpy(frames->bytes + frames->n, from, part);
    if (frames->n <= sizeof(frames->bytes))
        frames->n += part;
    if (!end)
        return n;
    if (frames->n)
        frame_make(frames, frame_r);
    frames->n = 0;
    return part + 1;
}

int frames_put_end(struct qmp_buf *out)
{
    return qmp_buf_append(out, "", 1);
}

/* Takes up the bytes of a frame, one part after the other. */
struct coder {
    uint8_t *code, *to;
};

static void code_begin(struct coder *coder)
{
    coder->code = coder->to++;
    *coder->code = 1;
}

static void code_part(struct coder *coder, const uint8_t *bytes, size_t n)
{
    while (n) {
        const uint8_t *zero;
        size_t room, run;

        if (*coder->code == CODE_MAX)
            code_begin(coder);
        room = CODE_MAX - *coder->code;
        run = n < room ? n : room;
        zero = memchr(bytes, 0, run);
        if (zero)
            run = (size_t)(zero - bytes);
        memcpy(coder->to, bytes, run);
        coder->to += run;
        *coder->code = (uint8_t)(*coder->code + run);
        if (zero) {
            code_begin(coder);
            run++;
        }
        bytes += run;
        n -= run;
    }
}

int frames_put(struct qmp_buf *out, enum frame_type type, uint8_t channel,
               const void *payload, size_t n)
{
    const uint8_t head[] = { (uint8_t)type, channel };
    struct coder coder = {
        .to = (uint8_t *)qmp_buf_reserve(out, n + 2 + (n + 2) / 254 + 2),
    };
    uint8_t *start = coder.to;

    if (!start)
        return -1;
    code_begin(&coder);
    code_part(&coder, head, sizeof(head));
    code_part(&coder, payload, n);
    *coder.to++ = 0;
    qmp_buf_commit(out, (size_t)(coder.to - start));
    return 0;
}
