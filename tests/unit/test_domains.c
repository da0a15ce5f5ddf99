/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console_fixture.h"

TEST(the_toolstack_deletes_the_console)
{
    start();
    serve_unix();
    fake_store_remove(BE);
    settle();
    check(!domains_find(&server, 5)->consoles[3]);
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
    check(!domains_find(&server, 5));
    check_int(fake_hv.mapped, 0);
    expect(fd, "last words");
    finish();
}

TEST(a_guest_that_writes_keys_without_end_is_put_off)
{
    unsigned int reads;

    start();
    serve_unix();
    reads = fake_store_reads();
    for (int i = 0; i < 5000; i++) {
        fake_store_set(FE "/state", i % 2 ? "4" : "0", 5);
        settle();
    }
    check(fake_store_reads() - reads < 5000);
    fake_store_set(FE "/state", "5", 5);
    while (console(3)->state != CONSOLE_CLOSED) {
        loop_run_once(&server.loop, 10);
        settle();
    }
    finish();
}

TAP_MAIN()
