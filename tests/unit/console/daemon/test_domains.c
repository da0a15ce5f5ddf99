/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console_fixture.h"

#include <malloc.h>

TEST(the_toolstack_deletes_the_console)
{
    start();
    serve_unix();
    fake_store_remove(BE);
    settle();
    check(!domains_find(&server.domains, 5)->guest.consoles[3]);
    check(access(path, F_OK));
    check(!fake_store_get(BE "/state"));
    finish();
}

TEST(the_domain_dies)
{
    int fd;

    start();
    serve_unix();
    fd = attach();
    guest_write(&page, "last words");
    fake_hv.alive[5] = false;
    fake_store_set("@releaseDomain", "", 0);
    settle();
    check(!domains_find(&server.domains, 5));
    check_int(fake_hv.mapped, 0);
    expect(fd, "last words");
    finish();
}

/* Whose consoles no daemon opens again: it was killed, and they went. */
TEST(a_dead_domains_records_go)
{
    char dead[256], alive[256];

    start();
    serve_unix();
    fake_hv.alive[6] = true;
    snprintf(dead, sizeof(dead), "%s/5-2", records);
    snprintf(alive, sizeof(alive), "%s/6-2", records);
    check(creat(dead, 0600) >= 0);
    check(creat(alive, 0600) >= 0);
    fake_hv.alive[5] = false;
    fake_store_set("@releaseDomain", "", 0);
    settle();
    check(access(dead, F_OK));
    check(!unlink(alive));
    finish();
}

TEST(a_guest_that_writes_keys_without_end_is_put_off)
{
    unsigned int reads;

    start();
    serve_unix();
    refresh_gap_ms = 25;
    reads = fake_store_requests();
    for (int i = 0; i < 5000; i++) {
        fake_store_set(FE "/state", i % 2 ? "4" : "0", 5);
        settle();
    }
    check(fake_store_requests() - reads < 5000);
    fake_store_set(FE "/state", "5", 5);
    while (console(3)->state != CONSOLE_CLOSED) {
        loop_run_once(&server.backend.loop, 10);
        settle();
    }
    finish();
}

static unsigned int fds_open(void)
{
    unsigned int n = 0;

    for (int fd = 0; fd < 1000; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* One life of a console, as far as it gets. */
static void cycle(int i)
{
    char output[128];

    memset(&page, 0, sizeof(page));
    secondary_made("xenconsoled");
    switch (i % 5) {
    case 0: unix_output(); break;
    case 1: fake_store_set(BE "/output", "null", 0); break;
    case 2:
        snprintf(output, sizeof(output), "file:%s", save);
        fake_store_set(BE "/output", output, 0);
        break;
    case 3:
        snprintf(output, sizeof(output), "pipe:%s", save);
        fake_store_set(BE "/output", output, 0);
        fake_store_set(BE "/policy", "now", 0);
        break;
    }
    if (i % 7)
        ring_published("8", "4");
    if (i % 3)
        settle();
    guest_write(&page, "bytes");
    if (i % 11 == 0)
        page.out_prod = 1 << 20;
    fake_hv_kick(5, 4);
    if (i % 2)
        settle();
    if (i % 4)
        fake_store_remove(BE);
    else
        fake_hv.alive[5] = false;
    fake_store_set("@releaseDomain", "", 0);
    settle();
    fake_store_remove(BE);
    fake_store_remove(FE);
    fake_hv.alive[5] = true;
    fake_store_set("@introduceDomain", "", 0);
    settle();
}

TEST(ten_thousand_lives_leave_nothing)
{
    struct mallinfo2 before, after;
    unsigned int fds, watches;

    start();
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
    settle();
    for (int i = 0; i < 1000; i++)
        cycle(i);
    before = mallinfo2();
    fds = fds_open();
    watches = fake_store_watches();
    for (int i = 0; i < 10000; i++)
        cycle(i);
    after = mallinfo2();
    check_int(fds_open(), fds);
    check_int(fake_store_watches(), watches);
    check_int(fake_hv.mapped, 0);
    for (int i = 0; i < FAKE_PORTS; i++)
        check(!fake_hv.ports[i].data);
    /* What malloc keeps for itself; not a byte a life. */
    check(after.uordblks < before.uordblks + 10000);
    check(rmdir(records) == 0);
    check(!mkdir(records, 0700));
    finish();
}

TAP_MAIN()
