/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp-helper's worker: the sockets whose clients may do less. */
#include "worker_fixture.h"

TEST(monitoring_may_do_what_is_listed)
{
    static const char *const refused[] = {
        "stop", "xen-save-devices-state", "x-query-x", "conts", "",
        "query", "st\\u006fp", "add-fd", "*", "cont,stop",
    };
    struct fixture f;
    char id[64];
    int fd;

    peer_start(&f, false);
    fd = client_start_at(f.monitoring);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        say(fd, "{\"execute\": \"%s\", \"id\": 1}", refused[i]);
        expect(fd, "{\"error\": {\"class\": \"CommandNotFound\", "
               "\"desc\": \"The command is not allowed on this socket\"}, "
               "\"id\": 1}");
    }
    check_works(&f, fd);
    client_command(&f, fd, "cont", 1, id);
    say(f.console, "{\"event\": \"RESUME\"}");
    expect(fd, "{\"event\": \"RESUME\"}");
    fixture_end(&f);
}

TEST(monitoring_has_a_session_of_its_own)
{
    struct fixture f;
    int fd;

    peer_start(&f, false);
    fd = client_start_at(f.monitoring);
    say(fd, "{\"execute\": \"qmp_reset\", \"id\": 1}");
    expect(fd, "{\"return\": {}, \"id\": 1}");
    expect(fd, GREETING_OOB);
    say(fd, "{\"execute\": \"stop\"}");
    expect_part(fd, "Expecting capabilities negotiation");
    fixture_end(&f);
}

TEST(monitoring_takes_no_room_that_others_need)
{
    struct fixture f;
    char id[64], first[64];
    int fds[16], more;

    peer_start(&f, false);
    for (int i = 0; i < 16; i++)
        fds[i] = client_start_at(f.monitoring);
    more = connect_to(f.monitoring);
    expect_end(more);
    expect_log(&f, "refused a client: there are 16");
    /* One command in flight each. */
    put_text(fds[0], "{\"execute\": \"query-a\"}"
                     "{\"execute\": \"query-b\"}");
    peer_command(&f, "query-a", first);
    client_command(&f, client_start(&f), "stop", 1, id);
    peer_return(&f, first, "{}");
    expect(fds[0], "{\"return\": {}}");
    peer_command(&f, "query-b", id);
    more = client_start(&f);
    say(more, "{\"execute\": \"__xenqmp_query-stats\"}");
    expect_part(more, "{\"up\": true, \"clients\": 18, ");
    check(strstr(line, ", \"refused\": 1}}") != NULL);
    fixture_end(&f);
}

/* libxenstat's way of asking. */
TEST(xentop_is_kept_waiting)
{
    struct fixture f;
    char blanks[8], id[64];
    int fd;

    peer_start(&f, false);
    fd = connect_to(f.xentop);
    put_text(fd, "{ \"execute\": \"qmp_capabilities\" }");
    expect(fd, GREETING_OOB);
    expect(fd, "{\"return\": {}}");
    put_text(fd, "{ \"execute\": \"query-blockstats\" }");
    peer_command(&f, "query-blockstats", id);
    for (size_t i = 0; i < sizeof(blanks); i++) {
        clock_await(fd);
        check_int(recv(fd, blanks + i, 1, 0), 1);
    }
    check_mem(blanks, sizeof(blanks), "        ", 8);
    /* Which it would take for a part of the reply. */
    say(f.console, "{\"event\": \"STOP\"}");
    peer_return(&f, id, "[]");
    check(next_line(fd));
    check_str(line + strspn(line, " "), "{\"return\": []}");
    put_text(fd, "{ \"execute\": \"query-block\" }");
    peer_command(&f, "query-block", id);
    peer_return(&f, id, "[]");
    check(next_line(fd));
    check_str(line + strspn(line, " "), "{\"return\": []}");
    say(fd, "{\"execute\": \"query-status\"}");
    expect_part(fd, "not allowed on this socket");
    fixture_end(&f);
}

TEST_AS_ROOT(sockets_all_work_in_the_sandbox)
{
    struct fixture f;
    char id[64];
    int fd;

    peer_start(&f, true);
    check_works(&f, client_start_at(f.monitoring));
    fd = client_start_at(f.xentop);
    say(fd, "{\"execute\": \"query-block\"}");
    peer_command(&f, "query-block", id);
    peer_return(&f, id, "[]");
    expect_part(fd, "{\"return\": []}");
    fixture_end(&f);
}

TAP_MAIN()
