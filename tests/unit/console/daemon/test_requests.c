/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console_fixture.h"

#include <zlib.h>

TEST(save_through_the_control_socket)
{
    char output[128], text[8];
    int fd;

    start();
    check_str(console_request("save-begin"),
              "error domain 5 has no console with policy save\n");
    secondary_made("xenconsoled");
    snprintf(output, sizeof(output), "file:%s", save);
    fake_store_set(BE "/policy", "save", 0);
    fake_store_set(BE "/output", output, 0);
    settle();
    ring_published("8", "4");
    settle();
    check_str(console_request("nonsense"), "error unknown request; known "
              "are save-begin [<name>] and sync [<name>]\n");
    snprintf(output, sizeof(output), "error the state is not in %s: "
             "no save has begun\n", save);
    check_str(console_request("sync"), output);
    /* What was in the ring before is not part of it; what is in the ring
     * at sync is, without any event. */
    guest_write(&page, "old");
    check_str(console_request("save-begin"), "ok\n");
    guest_write(&page, "state");
    snprintf(output, sizeof(output), "ok 5 %lu\n",
             crc32(0, (const Bytef *)"state", 5));
    check_str(console_request("sync"), output);
    check_int(page.out_cons, 8);
    fd = open(save, O_RDONLY);
    expect(fd, "state") ;
    check_int(read(fd, text, sizeof(text)), 0);
    finish();
}

/* A console with policy save that is served. */
static void serve_save(void)
{
    char output[128];

    secondary_made("xenconsoled");
    snprintf(output, sizeof(output), "file:%s", save);
    fake_store_set(BE "/policy", "save", 0);
    fake_store_set(BE "/output", output, 0);
    settle();
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
}

static void check_busy(const char *answer)
{
    char busy[128];

    snprintf(busy, sizeof(busy), "error cannot open %s: another client's "
             "save is under way\n", save);
    check_str(answer, busy);
}

static void check_other(const char *answer)
{
    char other[128];

    snprintf(other, sizeof(other), "error the state is not in %s: the last "
             "save was another client's\n", save);
    check_str(answer, other);
}

TEST(a_save_is_its_connections)
{
    start();
    serve_save();
    check_str(request_beside(4, 1, "save-begin a"), "ok\n");
    guest_write(&page, "st");
    check_busy(request_beside(4, 2, "save-begin a"));
    check_busy(request_beside(4, 2, "save-begin b"));
    check_busy(request_beside(4, 2, "save-begin"));
    check_other(request_beside(4, 2, "sync a"));
    check_other(request_beside(4, 2, "sync"));
    check_other(request_beside(4, 1, "sync b"));
    beside_gone(2);
    guest_write(&page, "ate");
    check_mem(request_beside(4, 1, "sync a"), 5, "ok 5 ", 5);
    /* It begins anew what is its own. */
    check_str(request_beside(4, 1, "save-begin a"), "ok\n");
    guest_write(&page, "long");
    check_str(request_beside(4, 1, "save-begin c"), "ok\n");
    guest_write(&page, "new");
    check_mem(request_beside(4, 1, "sync"), 5, "ok 3 ", 5);
    /* Its answer is for whom knows its name. */
    check_other(request_beside(4, 2, "sync c"));
    beside_gone(1);
    check_mem(request_beside(4, 2, "sync c"), 5, "ok 3 ", 5);
    finish();
}

TEST(a_save_ends_with_its_connection)
{
    char gone[128];

    start();
    serve_save();
    check_str(request_beside(4, 1, "save-begin a"), "ok\n");
    guest_write(&page, "st");
    beside_gone(1);
    snprintf(gone, sizeof(gone), "error the state is not in %s: its client "
             "has gone\n", save);
    check_str(request_beside(4, 2, "sync a"), gone);
    /* The gate is shut. */
    guest_write(&page, "ate");
    fake_hv_kick(5, 4);
    settle();
    check_int(page.out_cons, 5);
    check_int(console(3)->counters.delivered, 0);
    check_str(request_beside(4, 3, "save-begin b"), "ok\n");
    guest_write(&page, "x");
    check_mem(request_beside(4, 3, "sync b"), 5, "ok 1 ", 5);
    finish();
}

/* And while it is being opened. */
TEST(a_save_ends_before_it_has_begun)
{
    struct console beside;
    struct qmp_buf reply;

    start();
    serve_save();
    beside = console_beside(4);
    qmp_buf_init(&reply, 4096);
    check_int(requests_console(&beside, 1, "save-begin", false, &reply),
              CONTROL_LATER);
    check_int(requests_console(&beside, 2, "save-begin", false, &reply),
              CONTROL_ANSWERED);
    qmp_buf_dispose(&reply);
    beside_gone(1);
    check_str(request_beside(4, 2, "save-begin"), "ok\n");
    finish();
}

/* Others' consoles, a serial port's user's, have no say in it. */
TEST(a_save_is_asked_for_at_one_place)
{
    static const char other[] = "error domain 5's save is asked for beside "
                                "another console\n";
    char path_4[128];

    start();
    serve_save();
    snprintf(path_4, sizeof(path_4), "unix:%s/4", dir);
    fake_store_set("/local/domain/5/device/console/4", "", 5);
    fake_store_set("/local/domain/5/device/console/4/type", "xenconsoled",
                   0);
    fake_store_set("/local/domain/0/backend/console/5/4", "", 0);
    fake_store_set("/local/domain/0/backend/console/5/4/output", path_4, 0);
    settle();
    check(console(4)->output);
    for (unsigned int n = 0; n < 8; n++) {
        if (n == 4)
            continue;
        check_str(request_beside(n, 2, "save-begin"), other);
        check_str(request_beside(n, 2, "sync"), other);
    }
    check_str(request_beside(4, 1, "save-begin"), "ok\n");
    check_str(request_beside(5, 2, "sync"), other);
    finish();
}

TEST(names_of_saves)
{
    static const char bad[] = "error a save's name has at most 32 letters "
                              "and digits\n";

    start();
    serve_save();
    check_str(request_beside(4, 1, "save-begin a-b"), bad);
    check_str(request_beside(4, 1, "save-begin a b"), bad);
    check_str(request_beside(4, 1, "save-begin 0123456789abcdef"
                             "0123456789ABCDEFx"), bad);
    check_str(request_beside(4, 1, "save-begin 0123456789abcdef"
                             "0123456789ABCDEF"), "ok\n");
    check_str(request_beside(4, 1, "save-beginx"), "error unknown request; "
              "known are save-begin [<name>] and sync [<name>]\n");
    finish();
}

TEST(list)
{
    char expected[512];

    start();
    serve_unix();
    fake_store_set(BE "/name", "a b%\n", 0);
    settle();
    guest_write(&page, "abc");
    fake_hv_kick(5, 4);
    settle();
    snprintf(expected, sizeof(expected), "domid=5 console=0 name= "
             "type=xenconsoled state=foreign output= tty= received=0 sent=0 "
             "dropped=0 buffered=0 attached=0\n"
             "domid=5 console=3 name=a%%20b%%25%%0A "
             "type=xenconsoled state=serving output=unix:%s tty= "
             "received=3 sent=0 dropped=3 buffered=0 attached=0\nok\n",
             path);
    check_str(host_request("list"), expected);
    check_str(host_request("list 5"), expected);
    check_str(host_request("list 6"), "error there is no domain 6\n");
    check_str(host_request("list x"), "error not a domain's number: x\n");
    check_str(host_request("ping"), "ok\n");
    check_str(host_request("pong"),
              "error unknown request; known are list [<domid>], stats "
              "[<domid>], attach <domid> <console> and ping\n");
    finish();
}

static void check_sums(void)
{
    unsigned long long written, delivered, dropped, buffered, ring, sent;
    const char *line = strstr(host_request("stats 5"), "console=3");

    check(line);
    check_int(sscanf(line, "console=3 state=%*s written=%llu delivered=%llu "
                     "dropped=%llu buffered=%llu ring=%llu sent=%llu",
                     &written, &delivered, &dropped, &buffered, &ring,
                     &sent), 6);
    check_int(written, page.out_prod);
    check_int(written, delivered + dropped + buffered + ring);
    check_int(sent, page.in_prod);
}

TEST(stats_add_up_at_every_instant)
{
    char bytes[3000];
    int fd = -1;

    start();
    fake_store_set(BE "/limit", "4096", 0);
    serve_unix();
    srand(1);
    for (int i = 0; i < 3000; i++) {
        switch (rand() % 6) {
        case 0:
            if (fd < 0)
                fd = attach();
            break;
        case 1:
            if (fd >= 0 && !(rand() % 8)) {
                close(fd);
                fd = -1;
            }
            break;
        case 2:
            while (fd >= 0 && read(fd, bytes, sizeof(bytes)) > 0)
                ;
            break;
        case 3:
            if (fd >= 0)
                check(write(fd, bytes, 7) == 7 || errno == EAGAIN ||
                      errno == EPIPE);
            page.in_cons = page.in_prod;
            break;
        default:
            while (page.out_prod - page.out_cons < sizeof(page.out) &&
                   rand() % 700)
                page.out_prod++;
            fake_hv_kick(5, 4);
        }
        check_sums();
        if (rand() % 2)
            settle();
        check_sums();
    }
    finish();
}

/* As a client of the host socket's. */
static int take(const char *request)
{
    struct qmp_buf reply;
    int fds[2];

    qmp_buf_init(&reply, 4096);
    check_int(requests_host(&server.domains, 1, request, false, &reply),
              CONTROL_TAKE);
    check_mem(reply.data, reply.len, "ok stream\n", 10);
    qmp_buf_dispose(&reply);
    check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
    requests_take(&server.domains, request, fds[0]);
    settle();
    return fds[1];
}

TEST(attach_by_the_host_socket)
{
    char tty[64];
    int fd;

    start();
    serve_unix();
    guest_write(&page, "before");
    fd = take("attach 5 3");
    guest_write(&page, "hello");
    fake_hv_kick(5, 4);
    settle();
    expect(fd, "hello");
    check_int(write(fd, "x", 1), 1);
    settle();
    check_int(page.in_prod, 1);
    check_str(host_request("attach 5 3"),
              "error domain 5 console 3 has a reader already\n");
    check_str(host_request("attach 5"), "error there is no such console; "
              "attach takes a domain's and a console's number\n");
    check_str(host_request("attach 5 64"), "error there is no such console;"
              " attach takes a domain's and a console's number\n");
    check_str(host_request("attach 5 0"), "error domain 5 console 0 has no "
              "output to attach to, only pty and unix have\n");
    fake_store_set(BE "/output", "pty", 0);
    settle();
    snprintf(tty, sizeof(tty), "ok tty %s\n", fake_store_get(FE "/tty"));
    check_str(host_request("attach 5 3"), tty);
    finish();
}

TAP_MAIN()
