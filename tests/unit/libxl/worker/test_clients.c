/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp-helper's worker and many clients: slow ones, greedy ones, those that
 * leave. */
#include <dirent.h>

#include "worker_fixture.h"

TEST(events_go_to_negotiated_clients)
{
    static const char event[] = "{\"timestamp\": {\"seconds\": 1, "
        "\"microseconds\": 2}, \"event\": \"STOP\"}";
    struct fixture f;
    char id[64];
    int a, b, late;

    a = client_alone(&f);
    b = client_start(&f);
    late = client_connect(&f);
    say(f.console, "%s", event);
    expect(a, event);
    expect(b, event);
    say(late, "{\"execute\": \"qmp_capabilities\"}");
    expect(late, "{\"return\": {}}");
    say(late, "{\"execute\": \"stop\"}");
    peer_command(&f, "stop", id);
    say(f.console, "%s", event);
    peer_return(&f, id, "{}");
    expect(late, event);
    expect(late, "{\"return\": {}}");
    fixture_end(&f);
}

TEST(client_that_is_slow_loses_events_and_nobody_else_does)
{
    enum { N = 2000 };
    static char pad[1000];
    struct fixture f;
    char id[64];
    int slow, fast, seen = 0, lost = 0;
    const char *count;

    memset(pad, 'p', sizeof(pad) - 1);
    slow = client_alone(&f);
    fast = client_start(&f);
    for (int i = 0; i < N; i++) {
        say(f.console, "{\"event\": \"E\", \"data\": \"%s\"}", pad);
        expect_part(fast, "\"event\": \"E\"");
    }
    /* It reads again: what was kept, the notice, and all that follows. */
    do {
        check(next_line(slow));
        count = strstr(line, "\"event\": \"__XENQMP_EVENTS_LOST\"");
        seen += !count;
    } while (!count);
    check(strstr(line, "\"timestamp\": {\"seconds\": ") != NULL);
    check(sscanf(strstr(line, "\"count\""), "\"count\": %d", &lost) == 1);
    check(seen > 0 && lost > 0);
    check_int(seen + lost, N);
    say(f.console, "{\"event\": \"LAST\"}");
    expect(slow, "{\"event\": \"LAST\"}");
    client_command(&f, slow, "stop", 1, id);
    fixture_end(&f);
}

TEST(event_that_is_too_large_is_lost_and_told)
{
    static char pad[300000];
    struct fixture f;
    int fd;

    memset(pad, 'p', sizeof(pad) - 1);
    fd = client_alone(&f);
    say(f.console, "{\"event\": \"E\", \"data\": \"%s\"}", pad);
    expect_part(fd, "\"__XENQMP_EVENTS_LOST\", \"data\": {\"count\": 1}");
    fixture_end(&f);
}

/* All that is counted but the refused clients, see test_worker_sockets. */
TEST(stats_count_what_was_done)
{
    static const char ask[] = "{\"execute\": \"__xenqmp_query-stats\", "
                              "\"id\": 5}";
    static char pad[300000];
    struct fixture f;
    char id[64];
    int fd;

    fd = client_alone(&f);
    client_start(&f);
    say(fd, "%s", ask);
    expect(fd, "{\"return\": {\"up\": true, \"clients\": 2, "
           "\"commands\": 0, \"errors\": 0, \"failures\": 0, "
           "\"events\": 0, \"events-lost\": 0, \"sessions\": 1, "
           "\"refused\": 0}, \"id\": 5}");
    client_command(&f, fd, "a", 1, id);
    /* It is answered in its turn. */
    say(fd, "%s", ask);
    say(f.console, "{\"error\": {\"class\": \"GenericError\", \"desc\": "
        "\"no\"}, \"id\": \"%s\"}", id);
    expect_part(fd, "\"desc\": \"no\"}, \"id\": 1}");
    expect_part(fd, "\"commands\": 1, \"errors\": 1, \"failures\": 0, ");
    memset(pad, 'p', sizeof(pad) - 1);
    say(f.console, "{\"event\": \"E\", \"data\": \"%s\"}", pad);
    expect_part(fd, "__XENQMP_EVENTS_LOST");
    check_works(&f, fd);
    client_command(&f, fd, "b", 1, id);
    close(f.console);
    expect_part(fd, "may have been executed");
    say(fd, "%s", ask);
    expect_part(fd, "{\"up\": false, ");
    peer_accept(&f);
    peer_session(&f);
    check_works(&f, fd);
    say(fd, "%s", ask);
    /* The event was lost to both clients. */
    expect(fd, "{\"return\": {\"up\": true, \"clients\": 2, "
           "\"commands\": 4, \"errors\": 1, \"failures\": 1, "
           "\"events\": 1, \"events-lost\": 2, \"sessions\": 2, "
           "\"refused\": 0}, \"id\": 5}");
    fixture_end(&f);
}

/* Returns value for whatever comes, and {} for the "stop" that ends it. */
static int answer_until_stop(struct fixture *f, const char *value)
{
    char id[64];

    for (int n = 0; ; n++) {
        check(next_line(f->console));
        check(sscanf(strstr(line, "\"id\""), "\"id\": \"%63[^\"]", id) ==
              1);
        if (strstr(line, "\"stop\"")) {
            peer_return(f, id, "{}");
            return n;
        }
        say(f->console, "{\"return\": \"%s\", \"id\": \"%s\"}", value, id);
    }
}

TEST(client_that_reads_no_replies_stalls_only_itself)
{
    static char pad[400000];
    struct fixture f;
    char id[64];
    int greedy, other, answered = 0;

    memset(pad, 'p', sizeof(pad) - 1);
    greedy = client_alone(&f);
    for (int i = 0; i < 100; i++)
        say(greedy, "{\"execute\": \"big\", \"id\": %d}", i);
    other = client_start(&f);
    /* QEMU answers all that it gets; greedy's commands stop coming. */
    for (int i = 0; i < 10; i++) {
        say(other, "{\"execute\": \"stop\", \"id\": 1}");
        answered += answer_until_stop(&f, pad);
        expect(other, "{\"return\": {}, \"id\": 1}");
    }
    check(answered > 0 && answered < 25);
    /* Once it reads, the rest is executed. */
    for (int i = 0; i < answered; i++)
        expect_part(greedy, "\"return\": \"pp");
    for (; answered < 100; answered++) {
        peer_command(&f, "big", id);
        peer_return(&f, id, "{}");
        expect_part(greedy, "\"return\": {}");
    }
    fixture_end(&f);
}

/* 16 of a client, of which QEMU gets 7 at a time; whoever has less there
 * comes first. */
TEST(client_in_flight_is_bounded)
{
    struct fixture f;
    char m[17][64], id[64], commands[400] = "";
    int many, one;

    many = client_alone(&f);
    one = client_start(&f);
    for (int i = 0; i < 20; i++)
        strcat(commands, "{\"execute\": \"m\"}");
    put(many, commands, strlen(commands));
    for (int i = 0; i < 7; i++)
        peer_command(&f, "m", m[i]);
    say(one, "{\"execute\": \"o\"}");
    wait_read(one);
    check(!readable(f.console));
    peer_return(&f, m[0], "{}");
    expect_part(many, "\"return\": {}");
    peer_command(&f, "o", id);
    peer_return(&f, id, "{}");
    expect_part(one, "\"return\": {}");
    for (int i = 7; i < 17; i++) {
        peer_command(&f, "m", m[i]);
        check(!readable(f.console));
        peer_return(&f, m[i - 6], "{}");
        expect_part(many, "\"return\": {}");
    }
    fixture_end(&f);
}

TEST(clients_leave_no_memory_behind)
{
    enum { N = 64, BIG = 1000000 };
    char id[64], *big = malloc(BIG + 1);
    struct fixture f;
    int client, fds[N];
    long before;

    memset(big, 'b', BIG);
    big[BIG] = '\0';
    client = client_alone(&f);
    check_works(&f, client);
    before = fixture_status(&f, "RssAnon:");
    for (int i = 0; i < N; i++) {
        fds[i] = client_start(&f);
        check_works(&f, fds[i]);
    }
    for (int i = 0; i < 2; i++) {
        client_command(&f, fds[i], "big", 1, id);
        say(f.console, "{\"return\": \"%s\", \"id\": \"%s\"}", big, id);
        expect_part(fds[i], "bbb");
    }
    free(big);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    check_works(&f, client);
    check(SANITIZED || fixture_status(&f, "RssAnon:") < before + 300);
    fixture_end(&f);
}

TEST(client_that_leaves_is_forgotten)
{
    struct fixture f;
    char id[64];
    int gone, stays;

    gone = client_alone(&f);
    client_command(&f, gone, "stop", 1, id);
    close(gone);
    stays = client_start(&f);
    peer_return(&f, id, "{}");
    client_command(&f, stays, "cont", 1, id);
    peer_return(&f, id, "{\"n\": 2}");
    expect(stays, "{\"return\": {\"n\": 2}, \"id\": 1}");
    fixture_end(&f);
}

static int worker_descriptors(const struct fixture *f)
{
    char path[64];
    int n = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", f->worker);
    dir = opendir(path);
    check(dir != NULL);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* Not even while nothing of it is read any more. */
TEST(client_that_leaves_with_all_in_flight_is_seen)
{
    struct fixture f;
    char id[64];
    int gone, before;

    peer_start(&f, false);
    client_start(&f);
    before = worker_descriptors(&f);
    gone = client_start(&f);
    for (int i = 0; i < 17; i++)
        say(gone, "{\"execute\": \"stop\"}");
    for (int i = 0; i < 7; i++)
        peer_command(&f, "stop", id);
    close(gone);
    while (worker_descriptors(&f) != before)
        sched_yield();
    fixture_end(&f);
}

TEST(client_that_shuts_down_is_answered_first)
{
    struct fixture f;
    char id[64];
    int fd;

    fd = client_alone(&f);
    say(fd, "{\"execute\": \"stop\", \"id\": 1}");
    shutdown(fd, SHUT_WR);
    peer_command(&f, "stop", id);
    peer_return(&f, id, "{}");
    expect(fd, "{\"return\": {}, \"id\": 1}");
    expect_end(fd);
    fixture_end(&f);
}

TEST(clients_are_at_most_128)
{
    struct fixture f;
    int fds[128], more;

    peer_start(&f, false);
    for (int i = 0; i < 128; i++)
        fds[i] = client_connect(&f);
    more = connect_to(f.clients);
    expect_end(more);
    expect_log(&f, "refused a client: there are 128");
    close(fds[10]);
    /* The place is free once the worker has seen that. */
    do {
        close(more);
        more = connect_to(f.clients);
    } while (!next_line(more));
    check_str(line, GREETING_OOB);
    fixture_end(&f);
}

TAP_MAIN()
