/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libxl/link/frames.h"

#include "tap.h"

static struct qmp_buf out;
static struct frames frames;
static struct frame frame;

static void begin(void)
{
    qmp_buf_init(&out, 1u << 20);
    frames_init(&frames);
}

/* Of what is in out, in pieces of a size. */
static void check_next(size_t piece, enum frame_type type, uint8_t channel,
                       const void *payload, size_t n)
{
    frame.type = FRAME_NONE;
    while (frame.type == FRAME_NONE && out.len) {
        size_t part = out.len < piece ? out.len : piece;

        qmp_buf_consume(&out, frames_take(&frames, out.data, part, &frame));
    }
    check_int(frame.type, type);
    if (type == FRAME_BAD || type == FRAME_NONE)
        return;
    check_int(frame.channel, channel);
    check_mem((const char *)frame.payload, frame.n, payload, n);
}

static void fill(char *bytes, size_t n, int kind)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = kind == 0 ? 0 : kind == 1 ? 'x' :
                   kind == 2 ? (char)i : (char)(i % 255 == 254 ? 0 : 1);
}

TEST(what_is_put_is_taken_whatever_its_length_and_zeros)
{
    static const size_t lengths[] = { 0, 1, 2, 251, 252, 253, 254, 255, 256,
                                      507, 508, 509, 4095, 4096 };
    static char bytes[FRAME_PAYLOAD_MAX];

    begin();
    for (int kind = 0; kind < 4; kind++)
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            size_t n = lengths[i];

            fill(bytes, n, kind);
            check_int(frames_put(&out, FRAME_DATA, (uint8_t)i, bytes, n), 0);
            check(out.len <= FRAME_CODED_MAX);
            check(memchr(out.data, 0, out.len) == out.data + out.len - 1);
            check_next(i % 2 ? 1 : 4000, FRAME_DATA, (uint8_t)i, bytes, n);
            check_int(out.len, 0);
        }
}

TEST(a_frame_after_one_that_was_cut_off)
{
    begin();
    frames_put(&out, FRAME_DATA, 3, "half of it is gone", 18);
    out.len = 9;                /* never mind the rest */
    frames_put_end(&out);
    check_int(frames_put(&out, FRAME_RESET, 0, "12345678", 8), 0);
    check_next(5, FRAME_BAD, 0, NULL, 0);
    check_next(5, FRAME_RESET, 0, "12345678", 8);
}

TEST(empty_ones_are_none)
{
    begin();
    qmp_buf_append(&out, "\0\0\0", 3);
    frames_put(&out, FRAME_CLOSE, 255, NULL, 0);
    check_next(1, FRAME_CLOSE, 255, "", 0);
}

TEST(one_that_is_too_long_takes_no_memory_and_the_next_is_whole)
{
    static char bytes[65536];

    begin();
    memset(bytes, 'x', sizeof(bytes));
    for (int i = 0; i < 100; i++) {
        check_int(frames_take(&frames, bytes, sizeof(bytes), &frame),
                  sizeof(bytes));
        check_int(frame.type, FRAME_NONE);
    }
    frames_put_end(&out);
    frames_put(&out, FRAME_OPEN, 1, "\0\0\1\0", 4);
    check_next(100, FRAME_BAD, 0, NULL, 0);
    check_next(100, FRAME_OPEN, 1, "\0\0\1\0", 4);
}

TEST(a_code_beyond_the_end_is_no_frame)
{
    begin();
    qmp_buf_append(&out, "\x09" "DA\0", 4);
    check_next(100, FRAME_BAD, 0, NULL, 0);
    qmp_buf_append(&out, "\x02" "D\0", 3);        /* no channel */
    check_next(100, FRAME_BAD, 0, NULL, 0);
}

TEST(without_room_nothing_is_put)
{
    qmp_buf_init(&out, 8);
    check_int(frames_put(&out, FRAME_DATA, 0, "more than eight", 15), -1);
    check_int(out.len, 0);
}

TAP_MAIN()
