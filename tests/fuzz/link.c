/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Either end of a display's link, and a peer that says anything: of no channel
 * does more come than its window, but for what was passed on; what is not open
 * is never spoken of; and `out` stays within its limit. First byte: the end.
 */
#include "fuzz.h"

#include "libxl/link/link.h"

static struct link end;
static bool is_open[LINK_CHANNELS];
static size_t held[LINK_CHANNELS];      /* came, and were not passed on */

static size_t window(void)
{
    return end.master ? LINK_WINDOW_MASTER : LINK_WINDOW_OTHER;
}

static void has_opened(void *data, unsigned int channel)
{
    (void)data;
    require(!end.master && !is_open[channel] && end.in_order);
    is_open[channel] = true;
    held[channel] = 0;
}

static void has_bytes(void *data, unsigned int channel, const void *bytes,
                      size_t n)
{
    (void)data, (void)bytes;
    require(is_open[channel]);
    held[channel] += n;
    require(held[channel] <= window());
}

static void has_closed(void *data, unsigned int channel)
{
    (void)data;
    require(is_open[channel]);
    is_open[channel] = false;
}

static void is_lost(void *data, const char *why)
{
    (void)data;
    require(*why && !end.in_order);
    for (size_t i = 0; i < LINK_CHANNELS; i++)
        require(!is_open[i]);
}

static const struct link_hooks hooks = {
    .opened = has_opened, .bytes = has_bytes, .closed = has_closed,
    .lost = is_lost,
};

/* A frame of these bytes: its type, its channel, its payload. */
static void frame_come(const char *bytes, size_t n)
{
    struct qmp_buf frame;

    if (n < 2)
        return;
    qmp_buf_init(&frame, 4096);
    require(!frames_put(&frame, (enum frame_type)(uint8_t)bytes[0],
                        (uint8_t)bytes[1], bytes + 2, n - 2));
    link_input(&end, frame.data, frame.len);
    qmp_buf_dispose(&frame);
}

/* Much of it: what a byte of a script can't say. */
static void flood_come(unsigned int channel)
{
    static const char much[FRAME_PAYLOAD_MAX] = { 1 };
    struct qmp_buf frames;

    qmp_buf_init(&frames, 1u << 20);
    for (int i = 0; i < 20; i++)
        require(!frames_put(&frames, FRAME_DATA, (uint8_t)channel, much,
                            sizeof(much)));
    link_input(&end, frames.data, frames.len);
    qmp_buf_dispose(&frames);
}

static void pass_on(unsigned int channel)
{
    size_t n = held[channel];

    if (!is_open[channel])
        return;
    held[channel] = 0;
    link_taken(&end, channel, n);
}

static void say(unsigned int channel, size_t n)
{
    static const char bytes[256];
    size_t room = link_room(&end, channel);

    require(!room || is_open[channel]);
    link_send(&end, channel, bytes, n < room ? n : room);
}

static void step_do(const struct step *step)
{
    unsigned int channel = (step->act >> 4) % LINK_CHANNELS;
    int opened;

    switch (step->act % 16) {
    case 0:
        link_input(&end, step->bytes, step->n);
        break;
    case 1:
        opened = end.master ? link_open(&end) : -1;
        if (opened >= 0) {
            require(!is_open[opened]);
            is_open[opened] = true;
            held[opened] = 0;
        }
        break;
    case 2:
        if (is_open[channel])
            link_close(&end, channel);
        is_open[channel] = false;
        break;
    case 3:
        link_sent(&end, end.out.len);
        break;
    case 4:
        if (end.master)
            link_reset(&end, (const uint8_t *)"nonce..1");
        else
            link_renewed(&end);
        break;
    case 5:
        pass_on(channel);
        break;
    case 6:
        say(channel, step->n);
        break;
    case 7:
        flood_come(channel);
        break;
    case 8:
        frame_come(end.master ? "Y\0nonce..1" : "R\0nonce..1", 10);
        break;
    default:
        frame_come(step->bytes, step->n);
    }
    require(end.out.len <= LINK_OUT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = { .data = data + 1, .size = size ? size - 1 : 0 };
    struct step step;

    if (!size)
        return 0;
    memset(is_open, 0, sizeof(is_open));
    end = (struct link){ .master = data[0] & 1, .hooks = &hooks };
    link_init(&end);
    if (end.master)
        link_reset(&end, (const uint8_t *)"nonce..1");
    while (script_next(&script, &step)) {
        step_do(&step);
        free(step.bytes);
    }
    link_dispose(&end);
    return 0;
}
