/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp-helper's worker and its clients, many at a time. */
#include <dirent.h>
#include <sched.h>

#include "worker_fixture.h"

TEST(client_sees_a_server_of_its_own)
{
    struct fixture f;
    char id[64];
    int fd;

    peer_start(&f, false);
    fd = client_connect(&f);
    say(fd, "{\"execute\": \"query-status\", \"id\": 1}");
    expect(fd, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
           "\"Expecting capabilities negotiation with "
           "'qmp_capabilities'\"}, \"id\": 1}");
    say(fd, "{\"execute\": \"qmp_capabilities\", \"arguments\": "
        "{\"enable\": [\"oob\"]}, \"id\": 2}");
    expect_part(fd, "\"GenericError\"");
    say(fd, "{\"execute\": \"qmp_capabilities\", \"arguments\": "
        "{\"enable\": [ ]}, \"id\": 3}");
    expect(fd, "{\"return\": {}, \"id\": 3}");
    say(fd, "{\"execute\": \"qmp_capabilities\", \"id\": 4}");
    expect(fd, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
           "\"Capabilities negotiation is already complete, command "
           "ignored\"}, \"id\": 4}");
    say(fd, "{\"exec-oob\": \"query-status\", \"id\": 5}");
    expect_part(fd, "'exec-oob' is unexpected\"}, \"id\": 5}");
    say(fd, "{\"return\": {}, \"id\": 6}");
    expect_part(fd, "lacks member 'execute'\"}, \"id\": 6}");
    /* None of it has reached QEMU. */
    client_command(&f, fd, "stop", 1, id);
    fixture_end(&f);
}

/* libxl sends all at once. */
TEST(client_may_send_ahead)
{
    struct fixture f;
    char id[64];
    int fd;

    peer_start(&f, false);
    fd = connect_to(f.clients);
    put_text(fd, "{\"execute\":\"qmp_capabilities\","
        "\"id\":770000000000}\r\n"
        "{\"execute\": \"stop\"}{\"execute\":\n \"cont\"}\r\n");
    expect(fd, GREETING(""));
    expect(fd, "{\"return\": {}, \"id\": 770000000000}");
    peer_command(&f, "stop", id);
    peer_return(&f, id, "{}");
    /* As it was sent, over two lines. */
    check(next_line(f.console));
    expect(f.console, " \"cont\"}");
    expect(fd, "{\"return\": {}}");
    fixture_end(&f);
}

TEST(client_gets_its_id_back_byte_for_byte)
{
    static const char *const ids[] = {
        "1", "18446744073709551617", "-0.0E+05", "1e400", "null", "true",
        "\"x1\"", "\"a\\\"b\\u00e9\\\\\"", "\"\xc3\xbc\xe2\x82\xac\"",
        "{\"a\": [1,  {\"id\":{}}], \"}\": \"]\"}", "[]", "\"\"",
    };
    struct fixture f;
    char id[64], ought[128];
    int fd;

    fd = client_alone(&f);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        say(fd, "{\"id\" : %s , \"execute\": \"stop\"}", ids[i]);
        check(next_line(f.console));
        check(sscanf(line, "{\"id\" : \"%63[^\"]\" , \"execute\": "
                     "\"stop\"}", id) == 1);
        say(f.console, "{\"id\":\"%s\",\"return\":{ \"n\":1.0}}", id);
        snprintf(ought, sizeof(ought),
                 "{\"id\":%s,\"return\":{ \"n\":1.0}}", ids[i]);
        expect(fd, ought);
    }
    /* None sent, none returned. */
    say(fd, "{\"execute\": \"stop\"}");
    peer_command(&f, "stop", id);
    peer_return(&f, id, "{}");
    expect(fd, "{\"return\": {}}");
    fixture_end(&f);
}

TEST(client_messages_pass_byte_for_byte)
{
    static const char arguments[] = "\"arguments\" :{ \"z\": 1.50, \"a\":"
        "\"\\u0000\\/\xc3\xa9\" ,\"big\": 123456789012345678901234567890}";
    static const char value[] = "{ \"z\":1.50,\"a\": [ ],\"u\":\"\\ud83d"
        "\\ude00\", \"big\": 123456789012345678901234567890 }";
    struct fixture f;
    char id[64], ought[256];
    int fd;

    fd = client_alone(&f);
    say(fd, "{%s , \"execute\": \"x-y\"}", arguments);
    check(next_line(f.console));
    check(sscanf(strstr(line, "\"id\""), "\"id\": \"%63[^\"]", id) == 1);
    snprintf(ought, sizeof(ought), "{\"id\": \"%s\", %s , "
             "\"execute\": \"x-y\"}", id, arguments);
    check_str(line, ought);
    peer_return(&f, id, value);
    snprintf(ought, sizeof(ought), "{\"return\": %s}", value);
    expect(fd, ought);
    client_command(&f, fd, "no", 1, id);
    say(f.console, "{\"id\": \"%s\", \"error\": {\"class\": \"X\", "
        "\"desc\": \"d\"}}", id);
    expect(fd, "{\"id\": 1, \"error\": {\"class\": \"X\", "
           "\"desc\": \"d\"}}");
    fixture_end(&f);
}

TEST(clients_with_the_same_ids_do_not_mix)
{
    enum { N = 8 };
    struct fixture f;
    char ids[N][64], text[64];
    int fds[N];

    peer_start(&f, false);
    for (int i = 0; i < N; i++) {
        fds[i] = client_start(&f);
        say(fds[i], "{\"execute\": \"q%d\", \"id\": 1}", i);
        snprintf(text, sizeof(text), "q%d", i);
        peer_command(&f, text, ids[i]);
    }
    for (int i = N - 1; i >= 0; i--) {
        snprintf(text, sizeof(text), "{\"n\": %d}", i);
        peer_return(&f, ids[i], text);
    }
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text),
                 "{\"return\": {\"n\": %d}, \"id\": 1}", i);
        expect(fds[i], text);
    }
    fixture_end(&f);
}

TEST(client_errors_leave_the_connection)
{
    static const char syntax[] =
        "{\"error\": {\"class\": \"GenericError\", \"desc\": "
        "\"Invalid JSON syntax\"}}";
    struct fixture f;
    char *text = malloc((1u << 20) + 1);
    int fd;

    fd = client_alone(&f);
    say(fd, "quit");
    expect(fd, syntax);
    say(fd, "{\"execute\": stop}");
    expect_part(fd, "Invalid JSON syntax: ");
    put_text(fd, "{\"execute\": \"st\x18");
    expect(fd, syntax);
    memset(text, ' ', (1u << 20) + 1);
    text[0] = '{';
    put(fd, text, (1u << 20) + 1);
    expect_part(fd, "longer than");
    say(fd, "}");
    memset(text, '1', 1100);
    say(fd, "{\"execute\": \"stop\", \"id\": %.1100s}", text);
    expect_part(fd, "'id' is too long");
    say(fd, "{\"execute\": \"%.1100s\", \"id\": 2}", text);
    expect_part(fd, "CommandNotFound");
    check_works(&f, fd);
    fixture_end(&f);
}

TEST(client_replies_keep_their_order)
{
    struct fixture f;
    char id[64];
    int fd;

    fd = client_alone(&f);
    put_text(fd, "{\"execute\": \"stop\"}{]\r\n{\"execute\": \"cont\"}");
    peer_command(&f, "stop", id);
    check(!readable(fd));
    peer_return(&f, id, "{\"n\": 1}");
    expect(fd, "{\"return\": {\"n\": 1}}");
    expect_part(fd, "Invalid JSON syntax");
    peer_command(&f, "cont", id);
    fixture_end(&f);
}

TEST(client_large_messages)
{
    const size_t sent = 1000000, replied = 8000000;
    struct fixture f;
    char id[64], *text = malloc(replied + 1);
    int fd;

    memset(text, 'a', replied);
    text[replied] = '\0';
    fd = client_alone(&f);
    say(fd, "{\"execute\": \"echo\", \"arguments\": \"%.*s\"}", (int)sent,
        text);
    peer_command(&f, "echo", id);
    check(strlen(line) > sent);
    say(f.console, "{\"return\": \"%s\", \"id\": \"%s\"}", text, id);
    check(next_line(fd));
    check_int(strlen(line), replied + strlen("{\"return\": \"\"}"));
    fixture_end(&f);
}

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
        count = strstr(line, "\"event\": \"XENQMP_EVENTS_LOST\"");
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
    expect_part(fd, "\"XENQMP_EVENTS_LOST\", \"data\": {\"count\": 1}");
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

TEST(client_in_flight_is_bounded)
{
    struct fixture f;
    char id[64], first[64] = "";
    int many, one;

    many = client_alone(&f);
    one = client_start(&f);
    for (int i = 0; i < 20; i++)
        say(many, "{\"execute\": \"m\", \"id\": %d}", i);
    for (int i = 0; i < 16; i++)
        peer_command(&f, "m", *first ? id : first);
    say(one, "{\"execute\": \"o\"}");
    peer_command(&f, "o", id);
    peer_return(&f, first, "{}");
    expect(many, "{\"return\": {}, \"id\": 0}");
    peer_command(&f, "m", id);
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
    for (int i = 0; i < 16; i++)
        peer_command(&f, "stop", id);
    close(gone);
    while (worker_descriptors(&f) != before)
        sched_yield();
    fixture_end(&f);
}

TEST(worker_keeps_nothing_of_its_parents)
{
    struct fixture f;
    int ends[2], high;

    check(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    /* Below what it keeps, and above. */
    high = fcntl(ends[1], F_DUPFD, 500);
    check(high >= 500);
    peer_start(&f, false);
    close(ends[1]);
    close(high);
    expect_end(ends[0]);
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

TEST(client_resets_itself_only)
{
    struct fixture f;
    char mine[64], others[64];
    int fd, other;

    fd = client_alone(&f);
    other = client_start(&f);
    client_command(&f, fd, "stop", 1, mine);
    client_command(&f, other, "cont", 1, others);
    say(fd, "\x18{\"execute\":\"qmp_reset\",\"id\":\"nonce\"}");
    expect(fd, "{\"return\": {}, \"id\": \"nonce\"}");
    expect(fd, GREETING(""));
    say(fd, "{\"execute\": \"stop\", \"id\": 2}");
    expect_part(fd, "Expecting capabilities negotiation");
    say(fd, "{\"execute\": \"qmp_capabilities\", \"id\": 3}");
    expect(fd, "{\"return\": {}, \"id\": 3}");
    peer_return(&f, mine, "{}");
    peer_return(&f, others, "{}");
    expect(other, "{\"return\": {}, \"id\": 1}");
    client_command(&f, fd, "query-status", 4, mine);
    peer_return(&f, mine, "{\"n\": 4}");
    expect(fd, "{\"return\": {\"n\": 4}, \"id\": 4}");
    fixture_end(&f);
}

/* Sends a command with a descriptor on its first byte, as libxl does. */
static void say_with_descriptor(int fd, const char *text, int passed)
{
    char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec byte = { .iov_base = (char *)text, .iov_len = 1 };
    struct msghdr msg = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &passed, sizeof(int));
    check(sendmsg(fd, &msg, 0) == 1);
    say(fd, "%s", text + 1);
}

TEST(descriptors_are_refused_and_closed)
{
    struct fixture f;
    int fd, ends[2];

    fd = client_alone(&f);
    check(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    say_with_descriptor(fd, "{\"execute\": \"add-fd\", \"id\": 1}",
                        ends[1]);
    close(ends[1]);
    expect_part(fd, "add-fd is not possible");
    check(strstr(line, "domain 7\"}, \"id\": 1}") != NULL);
    expect_end(ends[0]);
    say(fd, "{\"execute\": \"getf\\u0064\", \"id\": 2}");
    expect_part(fd, "getfd is not possible");
    fixture_end(&f);
}

TEST(clients_are_at_most_64)
{
    struct fixture f;
    int fds[64], more;

    peer_start(&f, false);
    for (int i = 0; i < 64; i++)
        fds[i] = client_connect(&f);
    more = connect_to(f.clients);
    expect_end(more);
    expect_log(&f, "refused a client: there are 64");
    close(fds[10]);
    /* The place is free once the worker has seen that. */
    do {
        close(more);
        more = connect_to(f.clients);
    } while (!next_line(more));
    check_str(line, GREETING(""));
    fixture_end(&f);
}

TEST(toolstack_finds_a_qemu)
{
    struct fixture f;
    int fd;

    fixture_start(&f, false);   /* no stubdomain needed */
    fd = connect_to(f.toolstack);
    expect_part(fd, "{\"QMP\": {\"version\": {\"qemu\": {");
    say(fd, "{\"execute\":\"query-chardev\",\"id\":1}");
    expect_part(fd, "Expecting capabilities negotiation");
    say(fd, "{\"execute\":\"qmp_capabilities\",\"id\":770000000000}");
    expect(fd, "{\"return\": {}, \"id\": 770000000000}");
    say(fd, "{\"execute\":\"query-chardev\",\"id\":770000000001}");
    expect(fd, "{\"return\": [], \"id\": 770000000001}");
    say(fd, "{\"execute\":\"query-version\"}");
    expect_part(fd, "\"major\": 7}");
    say(fd, "{\"execute\":\"query-vnc\",\"id\":2}");
    expect(fd, "{\"return\": {\"enabled\": false}, \"id\": 2}");
    say(fd, "{\"execute\":\"query-cpus\",\"id\":2}");
    expect(fd, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
           "\"The command query-cpus has not been found\"}, \"id\": 2}");
    fixture_end(&f);
}

/* The value of a line of /proc/<pid>/status. */
static void check_status(pid_t pid, const char *key, const char *ought)
{
    char path[64], entry[256], value[128];
    size_t n = strlen(key);
    bool found = false;
    FILE *status;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    status = fopen(path, "r");
    check(status != NULL);
    while (!found && fgets(entry, sizeof(entry), status))
        if (!strncmp(entry, key, n)) {
            found = true;
            check(sscanf(entry + n, " %127[^\n]", value) == 1);
            check_str(value, ought);
        }
    check(found);
    fclose(status);
}

TEST(sandbox_takes_every_right_and_all_works)
{
    struct fixture f;
    char ids[96];
    int fd;

    if (geteuid()) {            /* no way in: it must not run without */
        int status;

        fixture_start(&f, true);
        check(waitpid(f.worker, &status, 0) == f.worker);
        check(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        return;
    }
    peer_start(&f, true);
    fd = client_start(&f);
    snprintf(ids, sizeof(ids), "%d\t%d\t%d\t%d", WORKER_UID, WORKER_UID,
             WORKER_UID, WORKER_UID);
    check_status(f.worker, "Uid:", ids);
    check_status(f.worker, "Gid:", ids);
    check_status(f.worker, "CapPrm:", "0000000000000000");
    check_status(f.worker, "CapEff:", "0000000000000000");
    check_status(f.worker, "CapBnd:", "0000000000000000");
    check_status(f.worker, "NoNewPrivs:", "1");
    check_status(f.worker, "Seccomp:", "2");
    say(f.console, "garbage");
    peer_session(&f);
    close(f.console);
    peer_accept(&f);
    peer_session(&f);
    check_works(&f, fd);
    close(fd);
    fd = client_start(&f);
    for (size_t i = 0; i < 400; i++) {
        say(f.console, "{\"event\": \"E\"}");
        expect(fd, "{\"event\": \"E\"}");
    }
    fixture_end(&f);
}

TEST(worker_ends_with_its_parent)
{
    struct fixture f;
    int fd, listener, status;
    pid_t parent;

    snprintf(f.toolstack, sizeof(f.toolstack), "/tmp/worker-parent-%d",
             getpid());
    listener = listen_at(f.toolstack);
    fflush(stdout);
    parent = fork();
    if (!parent) {
        struct worker_config config = {
            .parent = getpid(), .root = "/nonexistent",
            .console = "/console-3", .listen_fd = -1,
            .toolstack_fd = listener,
        };

        if (!fork()) {
            close(STDERR_FILENO);
            _exit(worker_run(&config));
        }
        pause();
    }
    close(listener);
    fd = connect_to(f.toolstack);
    expect_part(fd, "QMP");
    kill(parent, SIGKILL);
    waitpid(parent, &status, 0);
    expect_end(fd);
    unlink(f.toolstack);
}

TEST(worker_does_not_start_without_its_parent)
{
    struct worker_config config = {
        .parent = getpid(),         /* not ours: our own */
        .root = "/nonexistent", .console = "/console-3",
        .listen_fd = listen_at("/tmp/worker-orphan"), .toolstack_fd = -1,
    };

    unlink("/tmp/worker-orphan");
    check_int(worker_run(&config), 1);
}

TAP_MAIN()
