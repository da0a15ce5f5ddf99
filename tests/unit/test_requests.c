/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console_fixture.h"

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
              "are save-begin and sync\n");
    snprintf(output, sizeof(output), "error the state is not in %s: "
             "no save has begun\n", save);
    check_str(console_request("sync"), output);
    /* What was in the ring before is not part of it; what is in the ring
     * at sync is, without any event. */
    guest_write(&page, "old");
    check_str(console_request("save-begin"), "ok\n");
    guest_write(&page, "state");
    check_str(console_request("sync"), "ok 5\n");
    check_int(page.out_cons, 8);
    fd = open(save, O_RDONLY);
    expect(fd, "state") ;
    check_int(read(fd, text, sizeof(text)), 0);
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
              "error unknown request; known are list [<domid>] and ping\n");
    finish();
}

TAP_MAIN()
