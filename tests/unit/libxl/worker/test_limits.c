/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp-helper's worker: what happens when time is up. */
#include "worker_fixture.h"

#include "libxl/worker/limits.h"

TEST(command_without_an_answer_fails_and_its_late_reply_is_dropped)
{
    struct fixture f;
    char id[64];
    int fd;

    fd = client_alone(&f);
    client_command(&f, fd, "stop", 1, id);
    expect(fd, "{\"error\": {\"class\": \"GenericError\", \"desc\": "
           "\"QEMU in the stubdomain of domain 7 has not answered in 30 s; "
           "the command may still be executed\"}, \"id\": 1}");
    peer_return(&f, id, "{}");
    check_works(&f, fd);
    fixture_end(&f);
}

/* They have no order, so none of them is in another's way. */
TEST(out_of_band_commands_without_answers_are_forgotten)
{
    struct fixture f;
    int fd;

    peer_start(&f, false);
    fd = client_connect(&f);
    say(fd, "{\"execute\": \"qmp_capabilities\", \"arguments\": "
        "{\"enable\": [\"oob\"]}}");
    expect(fd, "{\"return\": {}}");
    for (int i = 0; i < 5 * 16; i++)
        say(fd, "{\"exec-oob\": \"yank\"}");
    for (int i = 0; i < 5 * 16; i++) {
        expect_part(f.console, "{\"id\": \"x");
        expect_part(fd, "the command may still be executed");
    }
    check_works(&f, fd);
    fixture_end(&f);
}

TEST(commands_that_take_their_time_may)
{
    struct fixture f;
    char id[64], other[64];
    int fd;

    fd = client_alone(&f);
    client_command(&f, fd, "migrate", 1, id);
    client_command(&f, fd, "stop", 2, other);
    expect_part(fd, "\"id\": 2}");
    peer_return(&f, id, "{}");
    expect(fd, "{\"return\": {}, \"id\": 1}");
    fixture_end(&f);
}

TEST(command_that_can_not_be_sent_fails_with_the_reason)
{
    struct fixture f;
    int fd;

    fd = client_alone(&f);
    close(f.console);
    close(f.console_listener);
    expect_log(&f, "lost the connection to xenconsoled");
    say(fd, "{\"execute\": \"stop\", \"id\": 1}");
    expect(fd, "{\"error\": {\"class\": \"GenericError\", \"desc\": "
           "\"QEMU in the stubdomain of domain 7 can't be reached: "
           "xenconsoled does not serve its QMP console; the command was "
           "not sent\"}, \"id\": 1}");
    expect_log(&f, "does not serve");
    fixture_end(&f);
}

TEST(client_is_greeted_without_a_qemu)
{
    struct fixture f;
    char id[64];
    int fd;

    fixture_start(&f, false);
    peer_accept(&f);
    fd = connect_to(f.clients);
    expect_part(fd, "\"major\": 0}");
    say(fd, "{\"execute\": \"qmp_capabilities\"}");
    expect(fd, "{\"return\": {}}");
    say(fd, "{\"execute\": \"stop\", \"id\": 1}");
    expect_part(fd, "the stubdomain does not answer qmp_reset");
    /* QEMU comes late: the client may go on. */
    peer_session(&f);
    client_command(&f, fd, "stop", 2, id);
    fixture_end(&f);
}

TEST(reset_is_repeated_and_only_the_latest_nonce_counts)
{
    struct fixture f;
    char first[64], second[64];
    int fd;

    peer_asks_reset(&f, first);
    peer_request(&f, "qmp_reset", second);
    check(strcmp(first, second) != 0);
    /* Were it taken, the second's would break the session. */
    peer_return(&f, first, "{}");
    say(f.console, "{\"QMP\": {\"version\": 1, \"capabilities\": []}}");
    peer_return(&f, second, "{}");
    say(f.console, "{\"QMP\": {\"version\": 2, \"capabilities\": []}}");
    peer_serve(&f, "{\"QMP\": {\"version\": 2, \"capabilities\": []}}");
    fd = connect_to(f.clients);
    expect(fd, "{\"QMP\": {\"version\": 2, \"capabilities\": []}}");
    fixture_end(&f);
}

TEST(greeting_that_does_not_come_is_asked_for_again)
{
    struct fixture f;
    char id[64];
    int fd;

    peer_asks_reset(&f, id);
    peer_return(&f, id, "{}");
    fd = connect_to(f.clients);
    expect_part(fd, "\"major\": 0}");
    client_negotiate(fd);
    say(fd, "{\"execute\": \"stop\"}");
    expect_part(fd, "the stubdomain's QEMU has not started");
    peer_session(&f);
    check_works(&f, fd);
    fixture_end(&f);
}

/* Silence in the middle of a reply, or a byte now and then. */
TEST(reply_that_does_not_end_is_late)
{
    struct fixture f;
    char id[64];
    int fd, n = 0;

    fd = client_alone(&f);
    client_command(&f, fd, "stop", 1, id);
    put_text(f.console, "{\"return\": [");
    expect_part(fd, "may still be executed\"}, \"id\": 1}");
    client_command(&f, fd, "cont", 2, id);
    for (; !clock_pass(fd, 1000); n++)
        put_text(f.console, " ");
    check_int(n, WORKER_REPLY_LIMIT_MS / 1000 - 1);
    expect_part(fd, "may still be executed\"}, \"id\": 2}");
    /* It goes on as if nothing were the matter. */
    say(f.console, "], \"id\": \"%s\"}", id);
    check_works(&f, fd);
    fixture_end(&f);
}

TEST(console_that_goes_at_every_byte_comes_back)
{
    static const char reply[] = "{\"return\": [\"]\\\"\"], \"id\": \"x";
    struct fixture f;
    char id[64];
    int fd;

    fd = client_alone(&f);
    for (size_t i = 0; i < sizeof(reply); i++) {
        client_command(&f, fd, "stop", 1, id);
        put(f.console, reply, i);
        close(f.console);
        peer_accept(&f);
        peer_session(&f);
        expect_part(fd, "may have been executed\"}, \"id\": 1}");
    }
    check_works(&f, fd);
    fixture_end(&f);
}

TEST(negotiation_without_an_answer_starts_again)
{
    struct fixture f;
    char id[64];

    peer_asks_reset(&f, id);
    peer_return(&f, id, "{}");
    say(f.console, GREETING(""));
    peer_request(&f, "qmp_capabilities", id);
    peer_session(&f);
    close(client_start(&f));
    fixture_end(&f);
}

TEST(client_that_reads_nothing_is_closed)
{
    static char pad[100000];
    struct fixture f;
    int slow, fast;

    memset(pad, 'p', sizeof(pad) - 1);
    slow = client_alone(&f);
    fast = client_start(&f);
    while (readable(f.log))
        check(next_line(f.log));
    /* More than its socket holds, and a little more again and again:
     * that it gets something does not mean that it takes something. */
    for (int i = 0; i < 4 || !clock_pass(f.log, 1000); i++) {
        say(f.console, "{\"event\": \"E\", \"data\": \"%s\"}",
            i < 4 ? pad : "");
        expect_part(fast, "\"event\": \"E\"");
        check(i < 4 + WORKER_STALL_MS / 1000);
    }
    expect_log(&f, "it does not read what is sent to it");
    /* What the socket held, then the end. */
    while (next_line(slow))
        check(strstr(line, "\"event\": \"E\"") != NULL);
    say(f.console, "{\"event\": \"LAST\"}");
    expect(fast, "{\"event\": \"LAST\"}");
    fixture_end(&f);
}

TEST(hanging_qemu_is_found_out)
{
    struct fixture f;
    char id[64], ought[64];
    int fd;

    fd = client_alone(&f);
    for (int i = 0; i < 8; i++)
        say(fd, "{\"execute\": \"stop\", \"id\": %d}", i);
    for (int i = 0; i < 7; i++)
        peer_command(&f, "stop", id);
    /* The eighth was never sent, so its time is up first. */
    expect_part(fd, "QEMU has too many unanswered commands; the command "
                "was not sent\"}, \"id\": 7}");
    for (int i = 0; i < 7; i++) {
        snprintf(ought, sizeof(ought), "may still be executed\"}, \"id\": %d}",
                 i);
        expect_part(fd, ought);
    }
    say(fd, "{\"execute\": \"cont\", \"id\": 1}");
    expect_part(fd, "hangs: it has not answered 7 commands; this one was "
                "not sent\"}, \"id\": 1}");
    /* It comes back: its late reply is nobody's, but gives room. */
    peer_return(&f, id, "{}");
    wait_read(f.console);
    check_works(&f, fd);
    fixture_end(&f);
}

/* Whoever has asked: the reply is late when its time is up, not before. */
TEST(qemu_hangs_when_what_was_left_is_late)
{
    struct fixture f;
    char id[64];
    int fd;

    fd = client_alone(&f);
    for (int i = 0; i < 7; i++) {
        int gone = client_start(&f);

        client_command(&f, gone, "stop", 1, id);
        close(gone);
    }
    say(fd, "{\"execute\": \"cont\", \"id\": 1}");
    expect_part(fd, "too many unanswered commands; the command was not "
                "sent\"}, \"id\": 1}");
    do {
        say(fd, "{\"execute\": \"cont\", \"id\": 2}");
        check(next_line(fd));
        check(strstr(line, "was not sent\"}, \"id\": 2}") != NULL);
    } while (!strstr(line, "hangs: it has not answered 7 commands"));
    peer_return(&f, id, "{}");
    wait_read(f.console);
    check_works(&f, fd);
    fixture_end(&f);
}

/* It works on a command that may take its time. */
TEST(qemu_that_is_busy_does_not_hang)
{
    struct fixture f;
    char dump[64], id[64];
    int fd, monitor;

    fd = client_alone(&f);
    client_command(&f, fd, "dump-guest-memory", 1, dump);
    monitor = client_start_at(f.monitoring);
    client_command(&f, monitor, "query-a", 2, id);
    for (int i = 0; i < 6; i++)
        client_command(&f, fd, "stop", 3, id);
    expect_part(monitor, "may still be executed\"}, \"id\": 2}");
    for (int i = 0; i < 6; i++)
        expect_part(fd, "may still be executed\"}, \"id\": 3}");
    /* Twice as long as a QEMU that hangs is waited for. */
    for (int i = 0; i < 2 * WORKER_HANG_MS / WORKER_SEND_LIMIT_MS; i++) {
        say(fd, "{\"execute\": \"cont\", \"id\": 4}");
        expect_part(fd, "too many unanswered commands; the command was "
                    "not sent\"}, \"id\": 4}");
    }
    check(!readable(f.console));
    peer_return(&f, dump, "{}");
    expect(fd, "{\"return\": {}, \"id\": 1}");
    fixture_end(&f);
}

/* One that the other sockets have sent is enough for them. */
TEST(monitoring_is_told_that_qemu_hangs)
{
    struct fixture f;
    char id[64];
    int monitor, other;

    peer_start(&f, false);
    monitor = client_start_at(f.monitoring);
    other = client_start_at(f.monitoring);
    client_command(&f, monitor, "query-a", 1, id);
    expect_part(monitor, "may still be executed\"}, \"id\": 1}");
    say(other, "{\"execute\": \"query-b\", \"id\": 2}");
    expect_part(other, "hangs: it has not answered 1 commands; this one was "
                "not sent\"}, \"id\": 2}");
    peer_session(&f);
    expect_log(&f, "QEMU does not answer any more; QMP is reset");
    check_works(&f, other);
    fixture_end(&f);
}

TEST(monitoring_that_waits_in_vain_is_told_why)
{
    struct fixture f;
    char id[64];
    int fds[16];

    peer_start(&f, false);
    for (int i = 0; i < 3; i++)
        fds[i] = client_start_at(f.monitoring);
    client_command(&f, fds[0], "query-a", 1, id);
    say(fds[1], "{\"execute\": \"query-b\", \"id\": 2}");
    expect_part(fds[1], "others have asked before, at the sockets for fewer "
                "commands; the command was not sent\"}, \"id\": 2}");
    fixture_end(&f);
}

TEST(monitoring_that_does_not_negotiate_is_closed)
{
    struct fixture f;
    int fd;

    peer_start(&f, false);
    fd = connect_to(f.monitoring);
    expect(fd, GREETING_OOB);
    expect_end(fd);
    expect_log(&f, "it does not negotiate");
    /* Half of a command does not help. */
    fd = connect_to(f.monitoring);
    expect(fd, GREETING_OOB);
    put_text(fd, "{\"execute\": \"qmp_");
    expect_end(fd);
    fixture_end(&f);
}

TEST(monitoring_that_is_idle_leaves_for_others)
{
    struct fixture f;
    int fds[16], fd;

    peer_start(&f, false);
    for (int i = 0; i < 16; i++)
        fds[i] = client_start_at(f.monitoring);
    expect_end(connect_to(f.monitoring));
    check(!clock_pass(fds[0], WORKER_LESSER_IDLE_MS));
    do
        fd = connect_to(f.monitoring);
    while (!next_line(fd));
    check_str(line, GREETING_OOB);
    client_negotiate(fd);
    check_works(&f, fd);
    expect_end(fds[0]);
    fixture_end(&f);
}

TEST(xentop_is_not_kept_waiting_for_ever)
{
    struct fixture f;
    char id[64];
    int fd;

    peer_start(&f, false);
    fd = client_start_at(f.xentop);
    say(fd, "{\"execute\": \"query-block\"}");
    peer_command(&f, "query-block", id);
    expect_part(fd, "          {\"error\": ");
    check_int(strspn(line, " "), WORKER_BLANKS_MAX);
    fixture_end(&f);
}

/* Or its replies got lost. */
TEST(qemu_that_hangs_for_long_gets_a_new_session)
{
    struct fixture f;
    char id[64];
    int fd;

    fd = client_alone(&f);
    for (int i = 0; i < 7; i++)
        client_command(&f, fd, "stop", i, id);
    for (int i = 0; i < 7; i++)
        expect_part(fd, "may still be executed");
    peer_session(&f);
    expect_log(&f, "QEMU does not answer any more; QMP is reset");
    check_works(&f, fd);
    fixture_end(&f);
}

/* A save with the control socket silent at one place. */
static void check_silent(bool begins, const char *ought)
{
    struct fixture f;
    char id[64];
    int fd, other;

    fd = client_alone(&f);
    other = client_start(&f);
    say(fd, "{\"execute\": \"xen-save-devices-state\", \"id\": 1}");
    f.control = accept_from(f.control_listener);
    put_text(f.control, "xenconsoled 1 1 0\n");
    expect_part(f.control, "save-begin ");
    if (begins) {
        put_text(f.control, "ok\n");
        peer_command(&f, "xen-save-devices-state", id);
        /* Longer than the reply limit, which this one doesn't have. */
        for (int ms = 0; ms <= WORKER_REPLY_LIMIT_MS;
             ms += WORKER_SEND_LIMIT_MS) {
            say(other, "{\"execute\": \"cont\"}");
            expect_part(other, "the state of its devices is being saved");
        }
        check(!readable(fd));
        peer_return(&f, id, "{}");
        expect_part(f.control, "sync ");
    }
    expect_part(fd, ought);
    client_command(&f, fd, "cont", 2, id);
    fixture_end(&f);
}

TEST(save_whose_stream_does_not_open_fails)
{
    check_silent(false, "it has not opened the state's file in time");
}

TEST(save_whose_stream_does_not_end_fails)
{
    check_silent(true, "it has not completed the state's file in time");
}

TEST(save_without_a_control_socket_fails)
{
    struct fixture f;
    char id[64];
    int fd;

    fd = client_alone(&f);
    close(f.control_listener);
    say(fd, "{\"execute\": \"xen-save-devices-state\", \"id\": 1}");
    expect_part(fd, "xenconsoled: cannot connect to it: Connection refused; "
                "the command was not sent");
    client_command(&f, fd, "cont", 2, id);
    fixture_end(&f);
}

TEST(save_whose_xenconsoled_does_not_come_back_fails)
{
    struct fixture f;
    char id[64];
    int fd;

    fd = client_alone(&f);
    say(fd, "{\"execute\": \"xen-save-devices-state\", \"id\": 1}");
    f.control = accept_from(f.control_listener);
    put_text(f.control, "xenconsoled 1 1 0\n");
    expect_part(f.control, "save-begin ");
    put_text(f.control, "ok\n");
    peer_command(&f, "xen-save-devices-state", id);
    close(f.control_listener);
    close(f.control);
    peer_return(&f, id, "{}");
    expect_part(fd, "did not reach its file: xenconsoled: cannot connect "
                "to it: Connection refused");
    client_command(&f, fd, "cont", 2, id);
    fixture_end(&f);
}

TAP_MAIN()
