/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link.h"

#include <stdlib.h>
#include <string.h>

static uint32_t window_of(bool master)
{
    return master ? LINK_WINDOW_MASTER : LINK_WINDOW_OTHER;
}

/* There is always room: data, credit and OPEN stop at LINK_OUT_DATA, of each
 * channel there is at most a CLOSE above, and what has no channel empties
 * `out`. Without memory there is nothing to go on with. */
static void say(struct link *link, enum frame_type type, unsigned int channel,
                const void *payload, size_t n)
{
    if (frames_put(&link->out, type, (uint8_t)channel, payload, n))
        abort();
}

static void say_credit(struct link *link, enum frame_type type,
                       unsigned int channel, uint32_t credit)
{
    const uint8_t number[] = {
        (uint8_t)(credit >> 24), (uint8_t)(credit >> 16),
        (uint8_t)(credit >> 8), (uint8_t)credit,
    };

    say(link, type, channel, number, sizeof(number));
}

void link_init(struct link *link)
{
    qmp_buf_init(&link->out, LINK_OUT_MAX);
    frames_init(&link->frames);
    link->in_order = false;
    memset(link->channels, 0, sizeof(link->channels));
}

void link_dispose(struct link *link)
{
    qmp_buf_dispose(&link->out);
}

static void all_close(struct link *link)
{
    link->in_order = false;
    for (unsigned int i = 0; i < LINK_CHANNELS; i++) {
        bool open = link->channels[i].state == LINK_OPEN;

        link->channels[i].state = LINK_FREE;
        if (open && link->hooks->closed)
            link->hooks->closed(link->data, i);
    }
}

/* Nothing of what was to be said counts any more, cut off as it may be. */
static void say_first(struct link *link, enum frame_type type)
{
    qmp_buf_consume(&link->out, link->out.len);
    if (frames_put_end(&link->out))
        abort();
    say(link, type, 0, link->nonce, type == FRAME_LOST ? 0 : LINK_NONCE);
}

void link_reset(struct link *link, const uint8_t nonce[LINK_NONCE])
{
    all_close(link);
    memcpy(link->nonce, nonce, LINK_NONCE);
    say_first(link, FRAME_RESET);
}

void link_renewed(struct link *link)
{
    frames_init(&link->frames);
    all_close(link);
    say_first(link, FRAME_LOST);
}

static void lose(struct link *link, const char *why)
{
    if (!link->in_order)
        return;
    all_close(link);
    if (!link->master)
        say_first(link, FRAME_LOST);
    if (link->hooks->lost)
        link->hooks->lost(link->data, why);
}

/* --- What comes in ---------------------------------------------------- */

static void begin(struct link *link, const struct frame *frame)
{
    all_close(link);
    memcpy(link->nonce, frame->payload, LINK_NONCE);
    say_first(link, FRAME_READY);
    link->in_order = true;
    if (link->hooks->ready)
        link->hooks->ready(link->data);
}

static void begun(struct link *link, const struct frame *frame)
{
    /* The answer to an earlier one, or nobody's. */
    if (link->in_order || memcmp(frame->payload, link->nonce, LINK_NONCE))
        return;
    link->in_order = true;
    if (link->hooks->ready)
        link->hooks->ready(link->data);
}

/* What needs no session. False: it is something else. */
static bool take_session(struct link *link, const struct frame *frame)
{
    enum frame_type begins = link->master ? FRAME_READY : FRAME_RESET;

    if (frame->type == begins && frame->n == LINK_NONCE) {
        (link->master ? begun : begin)(link, frame);
        return true;
    }
    if (link->master && frame->type == FRAME_LOST) {
        lose(link, "the other end has begun afresh");
        return true;
    }
    return !link->in_order;
}

/* False: it means too much. */
static bool take_credit(struct link_channel *channel,
                        const struct frame *frame, uint32_t max)
{
    const uint8_t *p = frame->payload;
    uint32_t more;

    if (frame->n != 4)
        return false;
    more = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
           (uint32_t)p[2] << 8 | p[3];
    if (more > max || channel->credit > max - more)
        return false;
    channel->credit += more;
    return true;
}

static bool take_open(struct link *link, struct link_channel *channel,
                      const struct frame *frame)
{
    struct link_channel opened = {
        .state = LINK_OPEN, .owed = window_of(false),
    };

    if (link->master || channel->state != LINK_FREE ||
        !take_credit(&opened, frame, window_of(true)))
        return false;
    *channel = opened;
    say_credit(link, FRAME_CREDIT, frame->channel, channel->owed);
    if (link->hooks->opened)
        link->hooks->opened(link->data, frame->channel);
    return true;
}

static bool take_data(struct link *link, struct link_channel *channel,
                      const struct frame *frame)
{
    if (channel->state == LINK_FREE || frame->n > channel->owed)
        return false;
    channel->owed -= (uint32_t)frame->n;
    if (channel->state == LINK_OPEN && link->hooks->bytes)
        link->hooks->bytes(link->data, frame->channel, frame->payload,
                           frame->n);
    return true;
}

static bool take_close(struct link *link, struct link_channel *channel,
                       const struct frame *frame)
{
    bool open = channel->state == LINK_OPEN;

    if (channel->state == LINK_FREE || frame->n)
        return false;
    channel->state = LINK_FREE;
    if (!open)
        return true;
    say(link, FRAME_CLOSE, frame->channel, NULL, 0);
    if (link->hooks->closed)
        link->hooks->closed(link->data, frame->channel);
    return true;
}

static bool take_of_channel(struct link *link, const struct frame *frame)
{
    struct link_channel *channel;

    if (frame->channel >= LINK_CHANNELS)
        return false;
    channel = &link->channels[frame->channel];
    switch (frame->type) {
    case FRAME_OPEN:
        return take_open(link, channel, frame);
    case FRAME_DATA:
        return take_data(link, channel, frame);
    case FRAME_CLOSE:
        return take_close(link, channel, frame);
    case FRAME_CREDIT:
        return channel->state != LINK_FREE &&
               take_credit(channel, frame, window_of(!link->master));
    default:
        return false;
    }
}

void link_input(struct link *link, const void *bytes, size_t n)
{
    const char *from = bytes;
    struct frame frame;

    while (n) {
        size_t part = frames_take(&link->frames, from, n, &frame);

        from += part;
        n -= part;
        if (frame.type == FRAME_NONE || take_session(link, &frame))
            continue;
        if (!take_of_channel(link, &frame))
            lose(link, "what came over the console makes no sense");
    }
}

/* --- What goes out ---------------------------------------------------- */

int link_open(struct link *link)
{
    if (!link->in_order || link->out.len >= LINK_OUT_DATA)
        return -1;
    for (unsigned int i = 0; i < LINK_CHANNELS; i++) {
        if (link->channels[i].state != LINK_FREE)
            continue;
        link->channels[i] = (struct link_channel){
            .state = LINK_OPEN, .owed = window_of(link->master),
        };
        say_credit(link, FRAME_OPEN, i, link->channels[i].owed);
        return (int)i;
    }
    return -1;
}

size_t link_room(const struct link *link, unsigned int channel)
{
    const struct link_channel *c = &link->channels[channel];

    if (c->state != LINK_OPEN || link->out.len >= LINK_OUT_DATA)
        return 0;
    return c->credit < FRAME_PAYLOAD_MAX ? c->credit : FRAME_PAYLOAD_MAX;
}

void link_send(struct link *link, unsigned int channel, const void *bytes,
               size_t n)
{
    if (!n)
        return;
    link->channels[channel].credit -= (uint32_t)n;
    say(link, FRAME_DATA, channel, bytes, n);
}

/* Rarely, as a frame is as good for many bytes as for few. */
static void credit_give(struct link *link, unsigned int channel)
{
    struct link_channel *c = &link->channels[channel];

    if (c->state != LINK_OPEN || c->taken < window_of(link->master) / 2 ||
        link->out.len >= LINK_OUT_DATA)
        return;
    c->owed += c->taken;
    say_credit(link, FRAME_CREDIT, channel, c->taken);
    c->taken = 0;
}

void link_taken(struct link *link, unsigned int channel, size_t n)
{
    link->channels[channel].taken += (uint32_t)n;
    credit_give(link, channel);
}

void link_sent(struct link *link, size_t n)
{
    qmp_buf_consume(&link->out, n);
    for (unsigned int i = 0; i < LINK_CHANNELS; i++)
        credit_give(link, i);
}

void link_close(struct link *link, unsigned int channel)
{
    if (link->channels[channel].state != LINK_OPEN)
        return;
    link->channels[channel].state = LINK_CLOSING;
    say(link, FRAME_CLOSE, channel, NULL, 0);
}
