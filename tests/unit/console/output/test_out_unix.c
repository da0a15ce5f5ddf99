/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/output/out_unix.c"

#include "played_clock.h"
#include "output_fixture.h"

TEST(unix_unattached_drops)
{
    start("unix:", NULL, NULL);
    check_int(put("abc", 3), 3);
    check_int(counters.dropped, 3);
    check(!output_is_attached(output));
    finish();
}

TEST(unix_both_ways_and_nothing_old)
{
    char bytes[8];
    int fd;

    start("unix:", NULL, NULL);
    put("before", 6);
    fd = attach();
    check_int(drains, 1);
    put("after", 5);
    read_all(fd, "after");
    check_int(counters.dropped, 9);
    wakes = 0;
    check_int(write(fd, "hello", 5), 5);
    while (!wakes)
        loop_run_once(&loop, 10);
    check_int(output_get(output, bytes, 3), 3);
    check_int(output_get(output, bytes, 8), 2);
    check_int(output_get(output, bytes, 8), 0);
    finish();
}

TEST(unix_second_reader_is_closed)
{
    int fd, other;

    start("unix:", NULL, NULL);
    fd = attach();
    other = client();
    while (!is_closed(other))
        loop_run_once(&loop, 10);
    put("x", 1);
    read_all(fd, "x");
    finish();
}

TEST(unix_detach_and_attach)
{
    int fd;

    start("unix:", NULL, NULL);
    for (int i = 0; i < 3; i++) {
        fd = attach();
        close(fd);
        wakes = 0;
        while (!wakes)
            loop_run_once(&loop, 10);
        output_poll(output, false);
        check(!output_is_attached(output));
    }
    finish();
}

TEST(unix_last_words_of_a_reader_arrive)
{
    char bytes[8];
    int fd;

    start("unix:", NULL, NULL);
    fd = attach();
    check_int(write(fd, "bye", 3), 3);
    close(fd);
    wakes = 0;
    while (!wakes)
        loop_run_once(&loop, 10);
    check_int(output_get(output, bytes, 8), 3);
    output_poll(output, true);
    check(!output_is_attached(output));
    finish();
}

TEST(unix_slow_reader_stops_the_guest_then_goes)
{
    static char block[65536];
    int fd, size = 4096;
    size_t n;

    start("unix:", NULL, "4096");
    fd = attach();
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    do
        n = put(block, 2048);
    while (n);
    check_int(counters.dropped, 3);
    check_int(output_buffered(output), 4096);
    /* It takes something: the guest may go on. */
    wakes = 0;
    output_poll(output, false);
    while (output_buffered(output)) {
        check(read(fd, block, sizeof(block)) > 0 || errno == EAGAIN);
        loop_run_once(&loop, 10);
    }
    check(wakes > 0);
    check(output_is_attached(output));
    /* It takes nothing. */
    do
        n = put(block, 2048);
    while (n);
    output_poll(output, false);
    clock_move(UNIX_STALL_MS - 1);
    loop_run_once(&loop, 10);
    check(output_is_attached(output));
    clock_move(1);
    loop_run_once(&loop, 10);
    check(!output_is_attached(output));
    check_int(counters.received, counters.delivered + counters.dropped);
    check_int(put(block, 10), 10);
    finish();
}

TEST(unix_ring_lost_disconnects)
{
    int fd;

    start("unix:", NULL, NULL);
    fd = attach();
    output_ring_lost(output);
    check(is_closed(fd));
    check(!output_is_attached(output));
    finish();
}

TEST(unix_sockets_come_and_go)
{
    char ctl[80];
    struct stat st;

    start("unix:", NULL, NULL);
    snprintf(ctl, sizeof(ctl), "%s.ctl", path);
    check(!stat(path, &st) && S_ISSOCK(st.st_mode));
    check_int(st.st_mode & 07777, 0600);
    check(!stat(ctl, &st) && S_ISSOCK(st.st_mode));
    check_int(st.st_mode & 07777, 0600);
    output_close(output);
    files_settle();
    check(access(path, F_OK));
    check(access(ctl, F_OK));
    rmdir(dir);
}

TAP_MAIN()
