/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console_fixture.h"

TEST(handshake)
{
    start();
    secondary_made("xenconsoled");
    settle();
    check_int(console(3)->state, CONSOLE_WAITING);
    check_str(fake_store_get(BE "/state"), "2");
    check(!strncmp(fake_store_get(FE "/tty"), "/dev/pts/", 9));
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check_str(fake_store_get(BE "/state"), "4");
    check(fake_hv_port(5, 4));
    fake_store_set(FE "/state", "4", 5);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    fake_store_set(FE "/state", "5", 5);
    settle();
    check_str(fake_store_get(BE "/state"), "5");
    check_int(fake_hv.mapped, 0);
    fake_store_set(FE "/state", "6", 5);
    settle();
    check_str(fake_store_get(BE "/state"), "6");
    ring_published("9", "6");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check_str(fake_store_get(BE "/state"), "4");
    check(fake_hv_port(5, 6) && !fake_hv_port(5, 4));
    finish();
}

TEST(a_frontend_that_goes_straight_to_4)
{
    start();
    secondary_made("xenconsoled");
    ring_published("8", "4");
    fake_store_set(FE "/state", "4", 5);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    finish();
}

TEST(bad_counters_park_one_console)
{
    int fd;

    start();
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    serve_unix();
    fd = attach();
    page.out_prod = 1000000;
    fake_hv_kick(5, 4);
    settle();
    check_int(console(3)->state, CONSOLE_PARKED);
    check_int(console(0)->state, CONSOLE_SERVING);
    check_int(fake_hv.mapped, 1);
    check_int(page.out_cons, 0);
    expect(fd, "");
    /* Other keys do not bring it back; a new ring does. */
    page.out_prod = 0;
    fake_store_set(BE "/name", "x", 0);
    settle();
    check_int(console(3)->state, CONSOLE_PARKED);
    ring_published("9", "6");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    finish();
}

TEST(a_resume_with_the_same_numbers)
{
    start();
    serve_unix();
    guest_write(&page, "abc");
    fake_hv_kick(5, 4);
    settle();
    fake_store_set(FE "/state", "4", 5);
    settle();
    /* The page is zeroed before it is published again. */
    memset(&page, 0, sizeof(page));
    fake_hv_kick(5, 4);
    settle();
    check_int(console(3)->state, CONSOLE_PARKED);
    fake_store_set(BE "/state", "4", 0);
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    guest_write(&page, "def");
    fake_hv_kick(5, 4);
    settle();
    check_int(page.out_cons, 3);
    finish();
}

TEST(a_port_that_was_closed_is_bound_again)
{
    start();
    serve_unix();
    fake_store_set(FE "/state", "4", 5);
    settle();
    fake_hv_port(5, 4)->closed = true;
    fake_store_set(FE "/port", "4", 5);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check(!fake_hv_port(5, 4)->closed);
    finish();
}

TEST(adoption_of_a_ring_in_use)
{
    int fd;

    start();
    page.out_cons = page.out_prod = 0xfffffffe;
    guest_write(&page, "kept");
    serve_unix();
    fake_store_set(FE "/state", "4", 5);
    fd = attach();
    guest_write(&page, "!");
    fake_hv_kick(5, 4);
    settle();
    expect(fd, "!");
    check_int(page.out_cons, page.out_prod);
    check_int(console(3)->counters.received, 5);
    finish();
}

TEST(a_ring_that_cannot_be_mapped)
{
    start();
    secondary_made("xenconsoled");
    ring_published("15", "4");
    settle();
    check_int(console(3)->state, CONSOLE_WAITING);
    check(strcmp(fake_store_get(BE "/state"), "4"));
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    finish();
}

TEST(the_guest_deletes_its_directory)
{
    int fd;

    start();
    serve_unix();
    fake_store_set(BE "/type", "xenconsoled", 0);
    settle();
    fd = attach();
    fake_store_remove(FE);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    guest_write(&page, "on");
    fake_hv_kick(5, 4);
    settle();
    expect(fd, "on");
    check(!fake_store_get(FE "/tty"));
    check(!fake_store_get(FE));
    finish();
}

TEST(the_guest_deletes_its_directory_with_the_only_type)
{
    int fd;

    start();
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    serve_unix();
    fd = attach();
    fake_store_remove(FE);
    settle();
    check_int(console(3)->state, CONSOLE_FOREIGN);
    expect(fd, "");
    check_int(console(0)->state, CONSOLE_SERVING);
    check(!fake_store_get(FE));
    finish();
}

TEST(the_primary_console)
{
    int fd;

    start();
    settle();
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/tty", "", 0);
    settle();
    check_int(console(0)->state, CONSOLE_FOREIGN);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    settle();
    check_int(console(0)->state, CONSOLE_SERVING);
    check(!fake_store_get(PRIMARY "/state"));
    guest_write(&primary, "login:");
    fake_hv_kick(5, 2);
    settle();
    fd = open(fake_store_get(PRIMARY "/tty"),
              O_RDWR | O_NOCTTY | O_NONBLOCK);
    expect(fd, "login:");
    finish();
}

TEST(a_primary_console_that_becomes_another_s_is_left)
{
    start();
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    settle();
    check_int(console(0)->state, CONSOLE_SERVING);
    fake_store_set(PRIMARY "/type", "ioemu", 0);
    settle();
    check_int(console(0)->state, CONSOLE_FOREIGN);
    check_int(fake_hv.mapped, 0);
    finish();
}

TAP_MAIN()
