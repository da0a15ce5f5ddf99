/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp-helper's worker, in its sandbox where the test is root, against a
 * hostile stubdomain and hostile clients: somebody else notices nothing,
 * and the memory stays within its bound. */
#include <time.h>

#include "worker_fixture.h"
#include "libxl/worker/limits.h"

static const char event_head[] = "{\"event\": \"E\", \"data\": ";

/* A worker with a session, and a client that behaves. */
static int hostile_start(struct fixture *f)
{
    peer_start(f, !geteuid());
    return client_start(f);
}

/* The worker is there, within its bounds, and works. */
static void hostile_end(struct fixture *f, int client)
{
    long peak;

    check_works(f, client);
    peak = fixture_status(f, "VmPeak:");
    check(peak > 0);
    check(SANITIZED || peak < (long)(WORKER_MEMORY_MAX >> 10));
    /* One printable line each, and never for lack of memory. */
    while (readable(f->log)) {
        check(next_line(f->log));
        check(!strstr(line, "out of memory"));
        for (const char *p = line; *p; p++)
            check(*p >= ' ' && *p <= '~');
    }
    fixture_end(f);
}

/* --- The stubdomain -------------------------------------------------- */

static void put_repeated(int fd, const char *piece, size_t n)
{
    char *text = malloc(n * strlen(piece) + 1), *end = text;

    for (size_t i = 0; i < n; i++)
        end = stpcpy(end, piece);
    put(fd, text, (size_t)(end - text));
    free(text);
}

/* Sends a message that costs it the session, and nobody anything. */
static void check_bomb(const char *head, const char *piece, size_t n,
                       const char *tail)
{
    struct fixture f;
    int client = hostile_start(&f);

    put(f.console, head, strlen(head));
    put_repeated(f.console, piece, n);
    say(f.console, "%s", tail);
    peer_session(&f);
    hostile_end(&f, client);
}

TEST(bomb_of_depth)
{
    check_bomb(event_head, "[", 1000000, "}");
    check_bomb(event_head, "{\"a\":", 1000000, "}");
}

TEST(bomb_of_tokens)
{
    check_bomb("{\"event\": \"E\", \"data\": [0", ",0", 3000000, "]}");
}

TEST(bomb_of_length)
{
    check_bomb(event_head, " ", 9u << 20, "1}");
}

/* It has no end: neither a quote nor a line's. */
TEST(bomb_of_one_string)
{
    struct fixture f;
    int client = hostile_start(&f);

    put_text(f.console, "{\"return\": \"");
    for (int i = 0; i < 70; i++)
        put_repeated(f.console, "a", 1u << 20);
    peer_session(&f);
    hostile_end(&f, client);
}

/* They answer a command all the same, wherever the id stands: the client is
 * told, and the session goes on. */
TEST(replies_that_are_too_large)
{
    static const struct {
        const char *head, *piece;
        size_t n;
        const char *tail;
    } replies[] = {
        { "{\"return\": \"", "a", 9u << 20, "\"" },
        { "{\"return\": [0", ",0", 600000, "]" },
        { "{\"return\": [[[[", "[", 200, "" },
    };
    struct fixture f;
    char id[64], *large = malloc(QMP_MESSAGE_MAX + 1);
    int client = hostile_start(&f), other = client_start(&f);

    memset(large, 'b', QMP_MESSAGE_MAX);
    large[QMP_MESSAGE_MAX] = '\0';
    for (size_t i = 0; i < 3; i++) {
        client_command(&f, client, "big", (int)i, id);
        put(f.console, replies[i].head, strlen(replies[i].head));
        put_repeated(f.console, replies[i].piece, replies[i].n);
        put(f.console, replies[i].tail, strlen(replies[i].tail));
        for (size_t depth = 0; i == 2 && depth < 204; depth++)
            put_text(f.console, "]");
        say(f.console, ", \"id\": \"%s\"}", id);
        expect_part(client, "QEMU's reply is larger than 8388608 bytes, "
                    "500000 values or 128 levels and was dropped; the "
                    "command has been executed\"}, \"id\": ");
        /* Its place is free, and nobody's session was lost. */
        check_works(&f, other);
    }
    /* All of the places in turn. */
    for (int i = 0; i < 2 * WORKER_IN_BAND_MAX; i++) {
        client_command(&f, client, "big", i, id);
        say(f.console, "{\"id\": \"%s\", \"error\": \"%.*s\"}", id,
            (int)QMP_MESSAGE_MAX, large);
        expect_part(client, "the command has failed\"}, \"id\": ");
    }
    free(large);
    hostile_end(&f, client);
}

TEST(bomb_of_escapes)
{
    check_bomb("{\"event\": \"E\", \"data\": \"", "\\ud800", 1000000,
               "\\u12\"}");
}

TEST(messages_that_are_no_qmp)
{
    static const struct {
        const char *text;
        size_t len;
    } messages[] = {
#define M(literal) { literal, sizeof(literal) - 1 }
        M("{\"event\": \"\xff\xfe\"}"),
        M("{\"event\": \"\xc0\x80\"}"),
        M("{\"event\": \"\xed\xa0\x80\"}"),
        M("{\"event\": \"\xf4\x90\x80\x80\"}"),
        M("{\"event\": \"\\x41\"}"),
        M("{\"event\": \"\\u12\"}"),
        M("{\"event\": \"\0\"}"),
        M("{\"event\": 1}"),
        M("{\"event\": \"E\", \"event\": \"E\"}"),
        M("{\"return\": 1, \"error\": {}}"),
        M("{\"return\": {}, \"id\": \"x1\", \"id\": \"x2\"}"),
        M("{\"return\": 01}"),
        M("{\"return\": {}} {"),
        M("{\"return\": {'a': 1}}"),
        M("\x1b]0;title\x07"),
        M("[{\"return\": {}}]"),
#undef M
    };
    struct fixture f;

    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        int client = hostile_start(&f);

        put(f.console, messages[i].text, messages[i].len);
        put_text(f.console, "\r\n");
        peer_session(&f);
        hostile_end(&f, client);
    }
}

/* They are JSON, so they are the client's to judge. */
TEST(numbers_beyond_64_bits_pass)
{
    static const char value[] = "[1e999999, -123456789012345678901234567890,"
        " 0.00000000000000000000000000000000000000000000000001]";
    struct fixture f;
    char id[64], ought[256];
    int client = hostile_start(&f);

    client_command(&f, client, "stop", 1, id);
    peer_return(&f, id, value);
    snprintf(ought, sizeof(ought), "{\"return\": %s, \"id\": 1}", value);
    expect(client, ought);
    hostile_end(&f, client);
}

TEST(replies_of_somebody_else)
{
    struct fixture f;
    char a_id[64], b_id[64];
    int a = hostile_start(&f), b = client_start(&f);

    client_command(&f, a, "stop", 1, a_id);
    client_command(&f, b, "cont", 1, b_id);
    peer_return(&f, b_id, "\"b\"");
    /* Repeated, as another's, and as nobody's. */
    peer_return(&f, b_id, "\"b again\"");
    say(f.console, "{\"return\": \"?\", \"id\": [\"%s\"]}", a_id);
    say(f.console, "{\"return\": \"?\", \"id\": \"%s \"}", a_id);
    say(f.console, "{\"return\": \"?\"}");
    peer_return(&f, a_id, "\"a\"");
    expect(b, "{\"return\": \"b\", \"id\": 1}");
    expect(a, "{\"return\": \"a\", \"id\": 1}");
    check_works(&f, b);
    hostile_end(&f, a);
}

TEST(desc_full_of_escapes)
{
    struct fixture f;
    char id[64];
    int client = hostile_start(&f);

    client_command(&f, client, "stop", 1, id);
    say(f.console, "{\"id\": \"%s\", \"error\": {\"class\": \"\\u001b[2J\", "
        "\"desc\": \"\\u001b]0;x\\u0007\\nMay 1 root: fine\\n\"}}", id);
    /* As JSON it is harmless, and the client's. */
    expect_part(client, "\"desc\": \"\\u001b]0;x\\u0007\\nMay 1 root: ");
    hostile_end(&f, client);
}

/* Instead of what it is asked for. */
TEST(greetings_after_each_byte)
{
    struct fixture f;
    int client = hostile_start(&f);
    char c;

    say(f.console, "bye");
    do {
        check(recv(f.console, &c, 1, 0) == 1);
        say(f.console, GREETING_OOB);
    } while (c != '\n');
    peer_session(&f);
    hostile_end(&f, client);
}

TEST(greetings_instead_of_replies)
{
    struct fixture f;
    char id[64];
    int client = hostile_start(&f);

    say(f.console, "bye");
    peer_request(&f, "qmp_reset", id);
    peer_return(&f, id, "{}");
    say(f.console, GREETING_OOB);
    peer_request(&f, "qmp_capabilities", id);
    say(f.console, GREETING_OOB);
    expect_log(&f, "a second greeting");
    peer_session(&f);
    hostile_end(&f, client);
}

TEST(returns_of_a_reset_forged)
{
    struct fixture f;
    char id[64];
    int client = hostile_start(&f);

    say(f.console, "bye");
    peer_request(&f, "qmp_reset", id);
    /* Almost right, and with what a session would need behind it. */
    for (int i = 1; i < 17; i++) {
        char forged[64];

        strcpy(forged, id);
        forged[i] = forged[i] == '0' ? '1' : '0';
        peer_return(&f, forged, "{}");
    }
    say(f.console, "{\"return\": {}, \"id\": [\"%s\"]}", id);
    say(f.console, GREETING_OOB);
    say(f.console, "{\"return\": {}, \"id\": \"x1\"}");
    say(f.console, "{\"event\": \"FORGED\"}");
    peer_session(&f);
    say(f.console, "{\"event\": \"TRUE\"}");
    expect(client, "{\"event\": \"TRUE\"}");
    hostile_end(&f, client);
}

/* One client reads them, one does not. */
TEST(events_by_the_million)
{
    enum { BATCH = 1000, BATCHES = 1000 };
    static const char event[] = "{\"event\": \"E\"}\r\n";
    static char got[1 << 16];
    struct fixture f;
    int client = hostile_start(&f), idle = client_start(&f);
    size_t want = BATCH * (sizeof(event) - 1);

    for (int i = 0; i < BATCHES; i++) {
        put_repeated(f.console, event, BATCH);
        for (size_t n = 0; n < want; ) {
            ssize_t r = recv(client, got, sizeof(got) < want - n ?
                             sizeof(got) : want - n, 0);

            check(r > 0);
            n += (size_t)r;
        }
    }
    /* What was lost to the other is told to the last one. */
    while (strncmp(line, "{\"timestamp\"", 12))
        check(next_line(idle));
    check(strstr(line, "__XENQMP_EVENTS_LOST") != NULL);
    hostile_end(&f, client);
}

/* --- Clients --------------------------------------------------------- */

TEST(clients_that_leave_at_every_byte)
{
    static const char text[] = "{\"execute\": \"qmp_capabilities\"}\r\n"
        "{\"execute\": \"stop\", \"arguments\": {\"a\": [\"\\\"\"]}";
    struct fixture f;
    int client = hostile_start(&f);

    for (size_t i = 0; i < sizeof(text); i++) {
        int fd = connect_to(f.clients);

        put(fd, text, i);
        close(fd);
        fd = connect_to(f.clients);
        put(fd, text, i);
        shutdown(fd, SHUT_WR);
        while (next_line(fd))
            continue;
        close(fd);
    }
    hostile_end(&f, client);
}

TEST(connections_by_the_ten_thousand)
{
    struct fixture f;
    int client = hostile_start(&f), fds[127];

    for (int i = 0; i < 127; i++)
        fds[i] = connect_to(f.clients);
    for (int i = 0; i < 10000; i++) {
        close(connect_to(f.clients));
        if (!(i % 1000))
            check_works(&f, client);
    }
    for (int i = 0; i < 127; i++)
        close(fds[i]);
    hostile_end(&f, client);
}

/* Each with all but the end of a command, as long as may be. */
TEST(clients_with_half_a_command)
{
    enum { N = 60, HALF = WORKER_COMMAND_MAX - 100 };
    static char text[HALF];
    struct fixture f;
    struct pollfd fds[N];
    int client = hostile_start(&f), closed = 0;

    memset(text, 'a', sizeof(text));
    memcpy(text, "{\"execute\": \"", 13);
    for (int i = 0; i < N; i++) {
        fds[i].fd = connect_to(f.clients);
        fds[i].events = POLLRDHUP;
        for (size_t n = 0; n < HALF; ) {
            ssize_t r = send(fds[i].fd, text + n, HALF - n, MSG_NOSIGNAL);

            if (r < 0)
                break;
            n += (size_t)r;
        }
    }
    check_works(&f, client);
    /* Most of them: what they sent had to go. */
    check(poll(fds, N, 0) > 0);
    for (int i = 0; i < N; i++)
        closed += fds[i].revents != 0;
    check(closed >= N - (int)(WORKER_INPUT_TOTAL_MAX / HALF) - 2);
    hostile_end(&f, client);
}

TEST(clients_that_never_read)
{
    enum { N = 20, BIG = 7u << 20 };
    struct fixture f;
    char id[64], *big = malloc(BIG + 1);
    int client = hostile_start(&f), fds[N];

    memset(big, 'b', BIG);
    big[BIG] = '\0';
    for (int i = 0; i < N; i++) {
        fds[i] = client_start(&f);
        client_command(&f, fds[i], "big", 1, id);
        say(f.console, "{\"return\": \"%s\", \"id\": \"%s\"}", big, id);
    }
    check_works(&f, client);
    /* What there was no room for is said. */
    expect_part(fds[N - 1], "was dropped: too much waits to be read");
    free(big);
    hostile_end(&f, client);
}

TEST(clients_with_objects_for_ids)
{
    struct fixture f;
    char *id = malloc(WORKER_ID_MAX + 1), seen[64], ought[64];
    int client = hostile_start(&f), fds[3];
    size_t n = 0;

    /* {"a":{"a": ... 1 ...}}, and blanks up to the limit. */
    for (int i = 0; i < 100; i++)
        n += (size_t)sprintf(id + n, "{\"a\":");
    n += (size_t)sprintf(id + n, "1");
    memset(id + n, ' ', WORKER_ID_MAX - n);
    memset(id + WORKER_ID_MAX - 100, '}', 100);
    id[WORKER_ID_MAX] = '\0';
    for (int c = 0; c < 3; c++)
        fds[c] = client_start(&f);
    for (int i = 0; i < 16; i++)
        for (int c = 0; c < 3; c++) {
            say(fds[c], "{\"execute\": \"c%d\", \"id\": %s}", c, id);
            snprintf(ought, sizeof(ought), "c%d", c);
            peer_command(&f, ought, seen);
            peer_return(&f, seen, "{}");
            expect_part(fds[c], id);
        }
    free(id);
    check_works(&f, client);
    hostile_end(&f, client);
}

/* Of the worker's processor time, for so many commands. */
static int64_t commands_cost(struct fixture *f, int client)
{
    struct timespec begin, end;
    clockid_t clock;

    check(!clock_getcpuclockid(f->worker, &clock));
    check(!clock_gettime(clock, &begin));
    for (int i = 0; i < 300; i++)
        check_works(f, client);
    check(!clock_gettime(clock, &end));
    return (end.tv_sec - begin.tv_sec) * 1000000000ll + end.tv_nsec -
           begin.tv_nsec;
}

/* Each has a long message that has to wait for an earlier one's reply. */
TEST(clients_with_work_to_be_done_again_and_again)
{
    enum { N = 6, LONG = 900000 };
    static char text[LONG + 1];
    struct fixture f;
    char id[64];
    int client = hostile_start(&f), fd;
    int64_t alone = commands_cost(&f, client);

    /* 0,0,0 ... */
    for (size_t i = 0; i < LONG; i++)
        text[i] = i % 2 ? ',' : '0';
    text[LONG - 1] = ' ';
    for (int i = 0; i < N; i++) {
        fd = client_start(&f);
        client_command(&f, fd, "migrate", 1, id);
        say(fd, "{\"execute\": \"add-fd\", \"arguments\": [%s]}", text);
        wait_read(fd);
    }
    check(commands_cost(&f, client) < 10 * alone);
    hostile_end(&f, client);
}

TEST(clients_with_garbage)
{
    struct fixture f;
    uint32_t random = 1;
    int client = hostile_start(&f);

    for (int i = 0; i < 100; i++) {
        int fd = client_start(&f);
        char junk[1000];

        for (size_t j = 0; j < sizeof(junk); j++) {
            random = random * 1103515245 + 12345;
            junk[j] = (char)(random >> 16);
        }
        put(fd, junk, sizeof(junk));
        put_text(fd, "\x18{\"execute\": \"qmp_reset\", \"id\": \"end\"}\n");
        do
            check(next_line(fd));
        while (strcmp(line, "{\"return\": {}, \"id\": \"end\"}"));
        close(fd);
    }
    hostile_end(&f, client);
}

TAP_MAIN()
