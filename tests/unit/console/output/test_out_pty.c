/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output_fixture.h"

#include <termios.h>

TEST(pty_both_ways)
{
    struct termios termios;
    char bytes[8];
    int fd;

    start("pty", NULL, NULL);
    check_int(put("early\n", 6), 6);
    fd = open(output_tty(output), O_RDWR | O_NOCTTY | O_NONBLOCK);
    check(fd >= 0);
    check(!tcgetattr(fd, &termios));
    check(!(termios.c_lflag & (ECHO | ICANON)));
    read_all(fd, "early\n");
    check_int(write(fd, "typed", 5), 5);
    output_poll(output, true);
    while (!wakes)
        loop_run_once(&loop, 10);
    check_int(output_get(output, bytes, 8), 5);
    check_mem(bytes, 5, "typed", 5);
    finish();
}

TEST(pty_opened_and_closed_at_will)
{
    start("pty", NULL, NULL);
    output_poll(output, true);
    for (int i = 0; i < 3; i++) {
        int fd = open(output_tty(output), O_RDWR | O_NOCTTY | O_NONBLOCK);

        put("x", 1);
        read_all(fd, "x");
        close(fd);
        /* No hang-up that epoll reports without end. */
        wakes = 0;
        loop_run_once(&loop, 10);
        loop_run_once(&loop, 10);
        check_int(wakes, 0);
    }
    finish();
}

TEST(pty_full_keeps_the_newest)
{
    char block[1000];
    int fd, i;

    start("pty", NULL, "4096");
    for (i = 0; i < 200; i++) {
        memset(block, 'a' + i % 26, sizeof(block));
        check_int(put(block, sizeof(block)), sizeof(block));
    }
    check(counters.dropped > 0);
    check_int(output_buffered(output), 4096);
    /* What comes last is the last that was written. */
    fd = open(output_tty(output), O_RDWR | O_NOCTTY | O_NONBLOCK);
    while (output_buffered(output)) {
        char bytes[4096];

        while (read(fd, bytes, sizeof(bytes)) > 0)
            ;
        output_poll(output, false);
        loop_run_once(&loop, 10);
    }
    check_int(counters.received, 200000);
    check_int(counters.delivered + counters.dropped, 200000);
    finish();
}

TEST(pty_keep_lets_the_guest_wait)
{
    char block[1000];
    size_t taken = 0;

    memset(block, 'a', sizeof(block));
    host.keep = true;
    start("pty", NULL, "4096");
    for (int i = 0; i < 200; i++)
        taken += put(block, sizeof(block));
    check(taken < 200000);
    check_int(counters.dropped, 0);
    check_int(put(block, 1), 0);
    finish();
}

TAP_MAIN()
