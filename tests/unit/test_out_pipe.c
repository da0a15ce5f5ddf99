/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output_fixture.h"

static void pipe_file(const char *text)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    check_int(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

TEST(pipe_waits_for_the_request)
{
    char bytes[8];

    start("pipe:", NULL, NULL);
    pipe_file("0123456789");
    output_ring_up(output, 0);
    check_int(output_get(output, bytes, 8), 0);
    check_int(put("??", 2), 2);
    check_int(counters.delivered, 1);
    check_int(counters.dropped, 1);
    check_int(output_get(output, bytes, 8), 8);
    check_mem(bytes, 8, "01234567", 8);
    check_int(output_get(output, bytes, 8), 2);
    check_mem(bytes, 2, "89", 2);
    check_int(output_get(output, bytes, 8), 0);
    check_int(put("?", 1), 1);
    check_int(output_get(output, bytes, 8), 0);
    finish();
}

TEST(pipe_now_and_again_with_a_new_ring)
{
    char bytes[8];

    start("pipe:", "now", NULL);
    pipe_file("0123");
    output_ring_up(output, 0);
    check_int(output_get(output, bytes, 3), 3);
    output_ring_lost(output);
    check_int(output_get(output, bytes, 3), 0);
    output_ring_up(output, 0);
    check_int(output_get(output, bytes, 8), 4);
    finish();
}

TEST(pipe_goes_on_where_an_earlier_daemon_was)
{
    char bytes[8];

    start("pipe:", NULL, NULL);
    pipe_file("0123456789");
    output_ring_up(output, 6);
    check_int(output_get(output, bytes, 8), 4);
    check_mem(bytes, 4, "6789", 4);
    finish();
}

TEST(pipe_only_from_regular_files)
{
    char bytes[8];

    start("pipe:", "now", NULL);
    check(!symlink("/etc/passwd", path));
    output_ring_up(output, 0);
    check_int(output_get(output, bytes, 8), 0);
    unlink(path);
    check(!mkfifo(path, 0600));
    output_ring_up(output, 0);
    check_int(output_get(output, bytes, 8), 0);
    finish();
}

TAP_MAIN()
