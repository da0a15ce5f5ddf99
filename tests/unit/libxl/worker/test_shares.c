/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp-helper's worker: what clients of the sockets for fewer commands, and
 * those who leave, can take from others. */
#include <time.h>

#include "worker_fixture.h"
#include "libxl/worker/limits.h"

#define ASK "{\"execute\": \"query-a\"}"

/* Sends a command, and no byte that is not read while it is in flight;
 * until the worker has it. */
static void ask(int fd, const char *text)
{
    put(fd, text, strlen(text));
    wait_read(fd);
}

/* A client that asks and hangs up as soon as that is read. */
static void ask_and_hang_up(const char *path, const char *text)
{
    int fd = client_start_at(path);

    ask(fd, text);
    close(fd);
}

/* Nothing stands on the console, whatever the worker may still do with what
 * it has read: a command of somebody else's is the next. */
static void check_nothing_more(struct fixture *f, int client)
{
    char id[64];

    client_command(f, client, "cont", 1, id);
    peer_return(f, id, "{}");
    expect(client, "{\"return\": {}, \"id\": 1}");
}

TEST(who_asks_and_hangs_up_makes_qemu_hang_for_nobody)
{
    struct fixture f;
    char first[64], id[64];
    int fd;

    fd = client_alone(&f);
    ask_and_hang_up(f.monitoring, ASK);
    peer_command(&f, "query-a", first);
    for (int i = 0; i < 20; i++)
        ask_and_hang_up(f.monitoring, ASK);
    for (int i = 0; i < 20; i++)
        ask_and_hang_up(f.xentop, "{\"execute\": \"query-block\"}");
    /* Their only place with QEMU is taken. */
    check_nothing_more(&f, fd);
    /* QEMU answers, and whoever is still there has his turn. */
    close(fd);
    fd = client_start_at(f.monitoring);
    ask(fd, "{\"execute\": \"query-b\", \"id\": 2}");
    peer_return(&f, first, "{}");
    peer_command(&f, "query-b", id);
    peer_return(&f, id, "{}");
    expect(fd, "{\"return\": {}, \"id\": 2}");
    fixture_end(&f);
}

/* They wait for what the others have left, until that is late. */
TEST(who_hangs_up_at_the_full_socket_makes_others_wait_only)
{
    struct fixture f;
    char ids[7][64], id[64];
    int fd, monitor;

    fd = client_alone(&f);
    for (int i = 0; i < 7; i++) {
        ask_and_hang_up(f.clients, "{\"execute\": \"stop\"}");
        peer_command(&f, "stop", ids[i]);
    }
    say(fd, "{\"execute\": \"cont\", \"id\": 1}");
    wait_read(fd);
    /* One place stays for the other sockets. */
    monitor = client_start_at(f.monitoring);
    say(monitor, ASK);
    peer_command(&f, "query-a", id);
    peer_return(&f, ids[0], "{}");
    peer_command(&f, "cont", id);
    peer_return(&f, id, "{}");
    expect(fd, "{\"return\": {}, \"id\": 1}");
    fixture_end(&f);
}

TEST(out_of_band_commands_that_were_left_count)
{
    struct fixture f;
    int fd, other;

    other = client_alone(&f);
    for (int i = 0; i < 3; i++) {
        fd = client_connect(&f);
        say(fd, "{\"execute\": \"qmp_capabilities\", \"arguments\": "
            "{\"enable\": [\"oob\"]}}");
        expect(fd, "{\"return\": {}}");
        for (int j = 0; j < 16; j++)
            say(fd, "{\"exec-oob\": \"yank\"}");
        wait_read(fd);
        close(fd);
    }
    for (int i = 0; i < WORKER_OOB_MAX; i++)
        expect_part(f.console, "\"exec-oob\": \"yank\"");
    check_nothing_more(&f, other);
    fixture_end(&f);
}

/* They are QEMU's to execute out-of-band, but in their turn. */
TEST(out_of_band_commands_of_monitoring_overtake_nobody)
{
    struct fixture f;
    char id[64];
    int a, b, fd;

    fd = client_alone(&f);
    a = client_start_at(f.monitoring);
    b = connect_to(f.monitoring);
    expect(b, GREETING_OOB);
    say(b, "{\"execute\": \"qmp_capabilities\", \"arguments\": "
        "{\"enable\": [\"oob\"]}}");
    expect(b, "{\"return\": {}}");
    client_command(&f, a, "query-a", 1, id);
    ask(b, "{\"exec-oob\": \"query-yank\"}");
    check_nothing_more(&f, fd);
    peer_return(&f, id, "{}");
    expect_part(f.console, "\"exec-oob\": \"query-yank\"");
    fixture_end(&f);
}

TEST(monitoring_and_xentop_take_turns)
{
    struct fixture f;
    char id[64];
    int fds[3], xentop;

    peer_start(&f, false);
    for (int i = 0; i < 3; i++)
        fds[i] = client_start_at(f.monitoring);
    client_command(&f, fds[0], "query-a", 1, id);
    ask(fds[1], "{\"execute\": \"query-1\"}");
    ask(fds[2], "{\"execute\": \"query-2\"}");
    xentop = client_start_at(f.xentop);
    ask(xentop, "{\"execute\": \"query-block\"}");
    peer_return(&f, id, "{}");
    peer_command(&f, "query-block", id);
    peer_return(&f, id, "{}");
    peer_command(&f, "query-1", id);
    peer_return(&f, id, "{}");
    peer_command(&f, "query-2", id);
    fixture_end(&f);
}

/* What comes at the same time as a reply to one of theirs is sent first. */
TEST(monitoring_rests_after_each_command)
{
    struct fixture f;
    char id[64];
    int fd, a, b, status;

    fd = client_alone(&f);
    a = client_start_at(f.monitoring);
    b = client_start_at(f.monitoring);
    client_command(&f, a, "query-a", 1, id);
    ask(b, "{\"execute\": \"query-b\"}");
    /* So that the worker finds both in one turn of its loop. */
    check(!kill(f.worker, SIGSTOP));
    check_int(waitpid(f.worker, &status, WUNTRACED), f.worker);
    peer_return(&f, id, "{}");
    put_text(fd, "{\"execute\": \"stop\"}");
    check(!kill(f.worker, SIGCONT));
    peer_command(&f, "stop", id);
    peer_command(&f, "query-b", id);
    fixture_end(&f);
}

TEST(monitoring_says_little)
{
    static char pad[WORKER_LESSER_COMMAND_MAX];
    struct fixture f;
    char id[64];
    int fd;

    memset(pad, ' ', sizeof(pad));
    peer_start(&f, false);
    fd = client_start_at(f.monitoring);
    say(fd, "{\"execute\": \"query-a\"%.*s}", (int)sizeof(pad), pad);
    expect_part(fd, "The command is too long");
    say(fd, "{\"execute\": \"query-a\"%.*s}", (int)sizeof(pad) - 22, pad);
    peer_command(&f, "query-a", id);
    /* And does not get everything. */
    check_int(strlen(line) > 4096, true);
    fixture_end(&f);
}

TEST(monitoring_gets_replies_up_to_a_length)
{
    enum { BIG = 3u << 20 };
    struct fixture f;
    char id[64], *big = malloc(BIG + 1);
    int fd;

    memset(big, 'b', BIG);
    big[BIG] = '\0';
    peer_start(&f, false);
    fd = client_start_at(f.monitoring);
    client_command(&f, fd, "query-a", 1, id);
    peer_return(&f, id, "0");
    expect(fd, "{\"return\": 0, \"id\": 1}");
    client_command(&f, fd, "query-a", 2, id);
    say(f.console, "{\"return\": \"%s\", \"id\": \"%s\"}", big, id);
    expect_part(fd, "is longer than the 2088960 for a client of this "
                "socket; the command has been executed\"}, \"id\": 2}");
    check_works(&f, fd);
    free(big);
    fixture_end(&f);
}

/* Nobody reads what he gets. */
TEST(replies_to_monitoring_take_no_room_of_others)
{
    enum { N = 14, BIG = 1u << 20, FULL = 4, LARGE = 7u << 20 };
    struct fixture f;
    char id[64], *large = malloc(LARGE + 1);
    int fds[N], full[FULL], dropped = 0;

    memset(large, 'b', LARGE);
    large[LARGE] = '\0';
    peer_start(&f, false);
    for (int i = 0; i < N; i++) {
        fds[i] = client_start_at(f.monitoring);
        client_command(&f, fds[i], "query-a", 1, id);
        say(f.console, "{\"return\": \"%.*s\", \"id\": \"%s\"}", BIG, large,
            id);
    }
    for (int i = 0; i < FULL; i++) {
        full[i] = client_start(&f);
        client_command(&f, full[i], "stop", 1, id);
        say(f.console, "{\"return\": \"%s\", \"id\": \"%s\"}", large, id);
    }
    for (int i = 0; i < FULL; i++) {
        check(next_line(full[i]));
        check(strlen(line) > LARGE);
    }
    for (int i = 0; i < N; i++) {
        check(next_line(fds[i]));
        dropped += strstr(line, "too much waits to be read") != NULL;
    }
    check(dropped > 0);
    free(large);
    fixture_end(&f);
}

static int64_t now_ms(void)
{
    return played_clock->now_us / 1000;
}

/* The most that a pace allows since then. */
static int64_t pace_allows(int64_t since_ms)
{
    return WORKER_LESSER_BURST + 1 +
           (now_ms() - since_ms) / WORKER_LESSER_INTERVAL_MS;
}

/* Whatever it is that they say. */
TEST(monitoring_has_a_pace)
{
    enum { N = 2000 };
    static char garbage[2 * N];
    struct fixture f;
    int64_t began = now_ms();
    int fd, monitor, n = 0;

    for (int i = 0; i < N; i++)
        memcpy(garbage + 2 * i, "x\n", 2);
    fd = client_alone(&f);
    monitor = client_start_at(f.monitoring);
    put(monitor, garbage, sizeof(garbage));
    check_works(&f, fd);
    while (readable(monitor)) {
        expect_part(monitor, "Invalid JSON syntax");
        n++;
    }
    check(n <= pace_allows(began));
    fixture_end(&f);
}

TEST(connections_of_monitoring_have_a_pace)
{
    enum { N = 100 };
    struct fixture f;
    int64_t began = now_ms();
    int fd, fds[N], greeted = 0;

    fd = client_alone(&f);
    for (int i = 0; i < N; i++)
        fds[i] = connect_to(f.monitoring);
    check_works(&f, fd);
    /* Or refused. */
    for (int i = 0; i < N; i++)
        greeted += readable(fds[i]);
    check(greeted <= pace_allows(began));
    fixture_end(&f);
}

TEST(monitoring_has_places_of_its_own)
{
    struct fixture f;
    int fds[16], full[128];

    peer_start(&f, false);
    for (int i = 0; i < 16; i++)
        fds[i] = client_start_at(f.monitoring);
    for (int i = 0; i < 128; i++)
        full[i] = client_start(&f);
    check_works(&f, full[127]);
    check_works(&f, fds[0]);
    fixture_end(&f);
}

static int connect_as(uid_t uid, const char *path)
{
    int fd;

    check(!seteuid(uid));
    fd = client_start_at(path);
    check(!seteuid(0));
    return fd;
}

/* How many of them the worker has closed. */
static int count_closed(const int *fds, int n)
{
    struct pollfd p = { .events = POLLRDHUP };
    int closed = 0;

    for (int i = 0; i < n; i++) {
        p.fd = fds[i];
        closed += poll(&p, 1, 0) > 0;
    }
    return closed;
}

TEST_AS_ROOT(places_of_monitoring_are_shared_by_user)
{
    struct fixture f;
    int ones[16], others[8], fd;

    peer_start(&f, true);
    for (int i = 0; i < 16; i++)
        ones[i] = connect_as(65531, f.monitoring);
    check_works(&f, ones[0]);
    /* Half of them have to go. */
    for (int i = 0; i < 8; i++) {
        others[i] = connect_as(65530, f.monitoring);
        check_int(count_closed(ones, 16), i + 1);
    }
    expect_log(&f, "another needs its place");
    check_works(&f, others[7]);
    /* Nobody has two more than whoever comes now. */
    check(!seteuid(65531));
    fd = connect_to(f.monitoring);
    check(!seteuid(0));
    expect_end(fd);
    check_int(count_closed(others, 8), 0);
    check_int(count_closed(ones, 16), 8);
    /* But a third user. */
    fd = client_start_at(f.monitoring);
    check_int(count_closed(ones, 16) + count_closed(others, 8), 9);
    check_works(&f, fd);
    fixture_end(&f);
}

TAP_MAIN()
