/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What qmp-helper's worker does with news of the stubdomain. */
#include "worker_fixture.h"

#include "libxl/worker/limits.h"
#include "tools/common/stubdom_state.h"

static void tell(const struct fixture *f, enum stubdom_state state)
{
    char byte = (char)state;

    check_int(send(f->parent, &byte, 1, 0), 1);
}

/* The parent, which is asked while a command waits. */
static void until_asked(const struct fixture *f)
{
    char byte;

    clock_await(f->parent);
    check_int(recv(f->parent, &byte, 1, 0), 1);
}

TEST(a_paused_stubdomain_is_no_qemu_that_hangs)
{
    struct fixture f;
    int fd = client_alone(&f);
    char id[64];

    client_command(&f, fd, "cont", 5, id);
    until_asked(&f);
    tell(&f, STUBDOM_PAUSED);
    expect(fd, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"QEMU "
           "in the stubdomain of domain 7 has not answered in 30 s, for the "
           "stubdomain is paused; the command may still be executed\"}, "
           "\"id\": 5}");
    /* It goes on. */
    tell(&f, STUBDOM_RUNS);
    peer_return(&f, id, "{}");
    check_works(&f, fd);
    fixture_end(&f);
}

/* Nobody is asked without cause: there is always a command in flight, but
 * none for long. */
TEST(while_commands_are_answered_nothing_is_asked)
{
    struct fixture f;
    int fd = client_alone(&f);
    char ids[2][64];

    client_command(&f, fd, "query-status", 7, ids[0]);
    for (int i = 1; i < 20; i++) {
        check(!clock_pass(f.parent, WORKER_ASK_MS / 3));
        client_command(&f, fd, "query-status", 7, ids[i % 2]);
        check(!clock_pass(f.parent, WORKER_ASK_MS / 3));
        peer_return(&f, ids[(i - 1) % 2], "{}");
        expect(fd, "{\"return\": {}, \"id\": 7}");
    }
    peer_return(&f, ids[1], "{}");
    expect(fd, "{\"return\": {}, \"id\": 7}");
    check(!clock_pass(f.parent, 3 * WORKER_ASK_MS));
    /* Until one is. */
    client_command(&f, fd, "cont", 5, ids[0]);
    check(!clock_pass(f.parent, WORKER_ASK_MS - 1));
    check(clock_pass(f.parent, 1));
    until_asked(&f);
    check(!clock_pass(f.parent, WORKER_ASK_MS - 1));
    check(clock_pass(f.parent, 1));
    fixture_end(&f);
}

static void check_over(struct fixture *f, int fd)
{
    int late;

    say(fd, "{\"execute\": \"cont\", \"id\": 9}");
    expect(fd, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"QEMU "
           "in the stubdomain of domain 7 can't be reached: the stubdomain "
           "has crashed; the command was not sent\"}, \"id\": 9}");
    late = client_connect(f);
    client_negotiate(late);
    say(late, "{\"execute\": \"cont\"}");
    expect_part(late, "has crashed; the command was not sent");
}

TEST(all_in_flight_fails_and_nothing_is_lost_that_came)
{
    struct fixture f;
    int fd = client_alone(&f), saver, other;
    char ids[2][64], save[64];

    client_command(&f, fd, "first", 1, ids[0]);
    client_command(&f, fd, "second", 2, ids[1]);
    /* A save's time is QEMU's alone, but not a dead one's. */
    saver = client_start(&f);
    say(saver, "{\"execute\": \"migrate\", \"id\": 3}");
    peer_command(&f, "migrate", save);
    tell(&f, STUBDOM_CRASHED);
    other = client_start(&f);
    say(other, "{\"execute\": \"__xenqmp_query-stats\"}");
    expect_part(other, "{\"return\": {\"up\": true, ");
    /* It was on its way, and the worker knows of the end. */
    peer_return(&f, ids[0], "{}");
    expect(fd, "{\"return\": {}, \"id\": 1}");
    expect_part(fd, "the stubdomain has crashed; the command may have been "
                "executed\"}, \"id\": 2}");
    expect_part(saver, "the stubdomain has crashed; the command may have "
                "been executed\"}, \"id\": 3}");
    check_over(&f, fd);
    /* Xen lets some go on. */
    tell(&f, STUBDOM_RUNS);
    check_works(&f, fd);
    fixture_end(&f);
}

/* Its clients need not wait for a greeting. */
TEST(a_stubdomain_may_end_before_it_had_a_qemu)
{
    struct fixture f;
    char id[64];
    int fd;

    peer_asks_reset(&f, id);
    fd = connect_to(f.clients);
    tell(&f, STUBDOM_SHUT_DOWN);
    expect_part(fd, "{\"QMP\": {\"version\": ");
    client_negotiate(fd);
    say(fd, "{\"execute\": \"cont\"}");
    expect_part(fd, "the stubdomain has shut down, as it does when its QEMU "
                "ends; the command was not sent");
    fixture_end(&f);
}

TEST(destroyed_it_ends_with_a_word)
{
    struct fixture f;
    int fd = client_alone(&f), status;
    char id[64];

    client_command(&f, fd, "cont", 5, id);
    tell(&f, STUBDOM_DESTROYED);
    expect_part(fd, "has been destroyed; the command may have been executed");
    expect_end(fd);
    check_int(waitpid(f.worker, &status, 0), f.worker);
    check(WIFEXITED(status));
    fixture_remove(&f);
}

TAP_MAIN()
