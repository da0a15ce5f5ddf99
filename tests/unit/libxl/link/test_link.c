/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both ends of a link, and a console between them that may lose, cut and
 * invent bytes. */
#include "libxl/link/link.h"

#include "tap.h"

struct end {
    struct link link;
    int ready, opened, closed, lost;
    unsigned int channel;       /* of the last that opened or closed */
    size_t got;                 /* bytes */
    char last;
    bool takes;                 /* and passes on at once */
};

static struct end master, other;

static void is_ready(void *data)
{
    ((struct end *)data)->ready++;
}

static void has_opened(void *data, unsigned int channel)
{
    struct end *end = data;

    end->opened++;
    end->channel = channel;
}

static void has_bytes(void *data, unsigned int channel, const void *bytes,
                      size_t n)
{
    struct end *end = data;

    end->got += n;
    end->last = ((const char *)bytes)[n - 1];
    if (end->takes)
        link_taken(&end->link, channel, n);
}

static void has_closed(void *data, unsigned int channel)
{
    struct end *end = data;

    end->closed++;
    end->channel = channel;
}

static void is_lost(void *data, const char *why)
{
    check(*why);
    ((struct end *)data)->lost++;
}

static const struct link_hooks hooks = {
    .ready = is_ready, .opened = has_opened, .bytes = has_bytes,
    .closed = has_closed, .lost = is_lost,
};

static void pass(struct end *from, struct end *to)
{
    size_t n = from->link.out.len;
    char bytes[LINK_OUT_MAX];

    if (n)
        memcpy(bytes, from->link.out.data, n);
    link_sent(&from->link, n);
    for (size_t at = 0; at < n; at += 100)
        link_input(&to->link, bytes + at, n - at < 100 ? n - at : 100);
}

static void pass_all(void)
{
    while (master.link.out.len || other.link.out.len) {
        pass(&master, &other);
        pass(&other, &master);
    }
}

static void begin_unsynced(void)
{
    master.link = (struct link){ .master = true, .hooks = &hooks,
                                 .data = &master };
    other.link = (struct link){ .hooks = &hooks, .data = &other };
    link_init(&master.link);
    link_init(&other.link);
    master.takes = other.takes = true;
}

static void begin(void)
{
    begin_unsynced();
    link_reset(&master.link, (const uint8_t *)"nonce..1");
    pass_all();
    check_int(master.ready, 1);
    check_int(other.ready, 1);
}

/* As many as it may, to the other end. */
static size_t send_all(struct end *from, unsigned int channel, size_t n)
{
    static char bytes[FRAME_PAYLOAD_MAX];
    size_t done = 0;

    memset(bytes, 'x', sizeof(bytes));
    while (done < n) {
        size_t room = link_room(&from->link, channel);

        if (!room) {
            if (!from->link.out.len)
                break;
            pass_all();
            continue;
        }
        if (room > n - done)
            room = n - done;
        link_send(&from->link, channel, bytes, room);
        done += room;
    }
    pass_all();
    return done;
}

TEST(bytes_go_both_ways)
{
    int channel;

    begin();
    channel = link_open(&master.link);
    check_int(channel, 0);
    pass_all();
    check_int(other.opened, 1);
    check_int(send_all(&other, 0, 10u << 20), 10u << 20);
    check_int(master.got, 10u << 20);
    check_int(send_all(&master, 0, 10u << 20), 10u << 20);
    check_int(other.got, 10u << 20);
    check_int(master.lost + other.lost, 0);
}

TEST(who_does_not_take_costs_the_others_nothing)
{
    begin();
    check_int(link_open(&master.link), 0);
    check_int(link_open(&master.link), 1);
    pass_all();
    master.takes = false;
    check_int(send_all(&other, 0, 1u << 20), LINK_WINDOW_MASTER);
    check_int(link_room(&other.link, 0), 0);
    master.takes = true;
    check_int(send_all(&other, 1, 1u << 20), 1u << 20);
    /* It goes on where it was. */
    link_taken(&master.link, 0, LINK_WINDOW_MASTER);
    pass_all();
    check_int(send_all(&other, 0, 1u << 20), 1u << 20);
}

TEST(credit_that_found_no_room_is_given_later)
{
    begin();
    check_int(link_open(&master.link), 0);
    check_int(link_open(&master.link), 1);
    pass_all();
    master.takes = false;
    check_int(send_all(&other, 0, 1u << 20), LINK_WINDOW_MASTER);
    other.takes = false;
    while (link_room(&master.link, 1))
        link_send(&master.link, 1, "x", 1);
    while (master.link.out.len < LINK_OUT_DATA)
        link_close(&master.link, 2), frames_put(&master.link.out, FRAME_CREDIT,
                                                1, "\0\0\0\0", 4);
    link_taken(&master.link, 0, LINK_WINDOW_MASTER);
    check_int(link_room(&other.link, 0), 0);
    pass_all();
    check(link_room(&other.link, 0) > 0);
    check_int(other.lost, 0);
}

TEST(a_channel_is_free_when_both_ends_have_closed_it)
{
    begin();
    check_int(link_open(&master.link), 0);
    pass_all();
    link_close(&master.link, 0);
    check_int(link_open(&master.link), 1);
    link_send(&other.link, 0, "late", 4);
    pass_all();
    check_int(other.closed, 1);
    check_int(master.closed, 0);
    check_int(master.got, 0);
    check_int(link_open(&master.link), 0);
    pass_all();
    check_int(other.opened, 3);
    check_int(master.lost + other.lost, 0);
}

TEST(both_close_at_once)
{
    begin();
    check_int(link_open(&master.link), 0);
    pass_all();
    link_close(&master.link, 0);
    link_close(&other.link, 0);
    pass_all();
    check_int(master.closed + other.closed, 0);
    check_int(link_open(&master.link), 0);
    pass_all();
    check_int(other.opened, 2);
}

TEST(as_many_channels_as_there_are)
{
    begin();
    for (int i = 0; i < LINK_CHANNELS; i++)
        check_int(link_open(&master.link), i);
    check_int(link_open(&master.link), -1);
    pass_all();
    check_int(other.opened, LINK_CHANNELS);
}

TEST(nothing_of_an_earlier_session_counts)
{
    begin();
    check_int(link_open(&master.link), 0);
    pass_all();
    link_send(&other.link, 0, "of yesterday", 12);
    link_send(&master.link, 0, "of yesterday", 12);
    master.link.out.len -= 5;   /* xenconsoled was killed here */
    pass(&master, &other);
    other.got = 0;
    link_reset(&master.link, (const uint8_t *)"nonce..2");
    check_int(master.closed, 1);
    check(!master.link.in_order);
    check_int(link_open(&master.link), -1);
    pass_all();
    check_int(other.closed, 1);
    check_int(master.ready, 2);
    check_int(master.got + other.got, 0);
    check_int(master.lost, 0);
}

TEST(an_answer_to_another_reset_begins_nothing)
{
    begin_unsynced();
    link_reset(&master.link, (const uint8_t *)"nonce..1");
    pass(&master, &other);
    link_reset(&master.link, (const uint8_t *)"nonce..2");
    pass(&other, &master);
    check_int(master.ready, 0);
    pass_all();
    check_int(master.ready, 1);
}

TEST(a_console_that_echoes_begins_nothing)
{
    char bytes[64];
    size_t n;

    begin_unsynced();
    link_reset(&master.link, (const uint8_t *)"nonce..1");
    n = master.link.out.len;
    memcpy(bytes, master.link.out.data, n);
    link_input(&master.link, bytes, n);
    check_int(master.ready, 0);
}

TEST(a_renewed_console_has_the_master_begin_anew)
{
    begin();
    check_int(link_open(&master.link), 0);
    pass_all();
    link_renewed(&other.link);
    check_int(other.closed, 1);
    pass(&other, &master);
    check_int(master.lost, 1);
    check_int(master.closed, 1);
    /* Once, whatever comes. */
    link_renewed(&other.link);
    pass(&other, &master);
    check_int(master.lost, 1);
    link_reset(&master.link, (const uint8_t *)"nonce..2");
    pass_all();
    check_int(master.ready, 2);
}

/* What a frame does to the end that gets it. */
static void check_senseless(struct end *end, enum frame_type type,
                            uint8_t channel, const void *payload, size_t n)
{
    struct qmp_buf out;

    master = other = (struct end){ .ready = 0 };
    begin();
    check_int(link_open(&master.link), 0);
    pass_all();
    qmp_buf_init(&out, 65536);
    frames_put(&out, type, channel, payload, n);
    link_input(&end->link, out.data, out.len);
    check_int(end->lost, 1);
    check(!end->link.in_order);
    check_int(end->closed, 1);
    qmp_buf_dispose(&out);
}

TEST(what_makes_no_sense_ends_the_session)
{
    static char bytes[FRAME_PAYLOAD_MAX];

    check_senseless(&master, FRAME_OPEN, 1, "\0\0\1\0", 4);
    check_senseless(&master, FRAME_DATA, 1, "x", 1);
    check_senseless(&master, FRAME_DATA, 16, "x", 1);
    check_senseless(&master, FRAME_CLOSE, 1, NULL, 0);
    check_senseless(&master, FRAME_CLOSE, 0, "x", 1);
    check_senseless(&master, FRAME_CREDIT, 0, "\0\0\1", 3);
    check_senseless(&master, FRAME_CREDIT, 0, "\0\0\x40\1", 4);
    check_senseless(&master, FRAME_CREDIT, 0, "\xff\xff\xff\xff", 4);
    check_senseless(&master, FRAME_RESET, 0, "12345678", 8);
    check_senseless(&master, 'Z', 0, NULL, 0);
    check_senseless(&other, FRAME_OPEN, 0, "\0\0\1\0", 4);
    check_senseless(&other, FRAME_OPEN, 1, "\xff\0\1\0", 4);
    check_senseless(&other, FRAME_READY, 0, "12345678", 8);

    /* More than its credit. */
    master = other = (struct end){ .ready = 0 };
    begin();
    link_open(&master.link);
    pass_all();
    master.takes = false;
    for (size_t i = 0; i <= LINK_WINDOW_MASTER / sizeof(bytes); i++) {
        check_int(master.lost, 0);
        frames_put(&other.link.out, FRAME_DATA, 0, bytes, sizeof(bytes));
        pass(&other, &master);
    }
    check_int(master.lost, 1);
    check_int(master.got, LINK_WINDOW_MASTER);
}

/* One end is a peer that says anything; the other neither dies nor holds more
 * than it says. */
TEST(any_bytes_at_any_time)
{
    static const char types[] = "RYLODC+";
    char payload[16];

    srandom(1);
    for (int end = 0; end < 2; end++) {
        struct end *victim = end ? &master : &other;

        master = other = (struct end){ .ready = 0 };
        begin();
        for (int i = 0; i < 200000; i++) {
            struct qmp_buf out;

            qmp_buf_init(&out, 4096);
            for (size_t n = 0; n < sizeof(payload); n++)
                payload[n] = random() % 3 ? 0 : (char)random();
            frames_put(&out, (enum frame_type)types[random() % 7],
                       (uint8_t)(random() % 18), payload,
                       (size_t)random() % 17);
            link_input(&victim->link, out.data, out.len);
            qmp_buf_dispose(&out);
            if (random() % 4 == 0)
                link_open(&master.link);
            if (random() % 4 == 0)
                link_close(&victim->link, (unsigned int)random() % 16);
            if (random() % 8 == 0)
                link_sent(&victim->link, victim->link.out.len);
            if (end && !master.link.in_order) {
                link_reset(&master.link, (const uint8_t *)"nonce..9");
                frames_put(&out, FRAME_READY, 0, "nonce..9", 8);
                link_input(&master.link, out.data, out.len);
                qmp_buf_dispose(&out);
            }
            if (!end)
                link_sent(&master.link, master.link.out.len);
        }
    }
}

TAP_MAIN()
