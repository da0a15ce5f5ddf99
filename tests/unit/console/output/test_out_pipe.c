/* SPDX-License-Identifier: GPL-2.0-or-later */
/* out_pipe.c and the readfile.c below it. */
#include "output_fixture.h"

static void pipe_file(const char *text)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    check_int(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void ring_up(uint32_t in_prod, uint32_t out_cons)
{
    struct ring ring = { .in_prod = in_prod, .out_cons = out_cons };

    output_ring_up(output, &ring);
}

/* What the output has for the guest, once it has read it. */
static size_t get(char *bytes, size_t n)
{
    size_t taken = output_get(output, bytes, n);

    if (taken || !lanes_is_pending(&lanes))
        return taken;
    files_settle();
    return get(bytes, n);
}

TEST(pipe_waits_for_the_request)
{
    char bytes[8];

    start("pipe:", NULL, NULL);
    pipe_file("0123456789");
    ring_up(0, 0);
    check_int(get(bytes, 8), 0);
    check_int(put("??", 2), 2);
    check_int(counters.delivered, 1);
    check_int(counters.dropped, 1);
    check_int(get(bytes, 8), 8);
    check_mem(bytes, 8, "01234567", 8);
    check_int(get(bytes, 8), 2);
    check_mem(bytes, 2, "89", 2);
    check_int(get(bytes, 8), 0);
    check_int(put("?", 1), 1);
    check_int(get(bytes, 8), 0);
    finish();
}

TEST(pipe_now_and_again_with_a_new_ring)
{
    char bytes[8];

    start("pipe:", "now", NULL);
    pipe_file("0123");
    ring_up(0, 0);
    check_int(get(bytes, 3), 3);
    output_ring_lost(output);
    check_int(get(bytes, 3), 0);
    ring_up(0, 0);
    check_int(get(bytes, 8), 4);
    finish();
}

TEST(pipe_goes_on_where_an_earlier_daemon_was)
{
    char bytes[8];

    start("pipe:", NULL, NULL);
    pipe_file("0123456789");
    ring_up(6, 0);
    check_int(get(bytes, 8), 4);
    check_mem(bytes, 4, "6789", 4);
    finish();
}

TEST(pipe_remembers_that_the_guest_has_asked)
{
    char bytes[8];

    start("pipe:", NULL, NULL);
    pipe_file("0123");
    /* The daemon died between the request and the first byte. */
    ring_up(0, 1);
    check_int(get(bytes, 8), 4);
    finish();
}

TEST(pipe_reads_in_pieces)
{
    char bytes[1000];
    unsigned int n = 0;
    size_t r;
    int fd;

    start("pipe:", "now", NULL);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    for (unsigned int i = 0; i < 40000; i += 4)
        check_int(write(fd, &i, 4), 4);
    close(fd);
    ring_up(4, 0);
    for (n = 4; (r = get(bytes, sizeof(bytes))); n += (unsigned int)r)
        check_int(*(unsigned int *)bytes, n);
    check_int(n, 40000);
    finish();
}

TEST(pipe_only_from_regular_files)
{
    char bytes[8];

    start("pipe:", "now", NULL);
    check(!symlink("/etc/passwd", path));
    ring_up(0, 0);
    check_int(get(bytes, 8), 0);
    unlink(path);
    check(!mkfifo(path, 0600));
    ring_up(0, 0);
    check_int(get(bytes, 8), 0);
    finish();
}

TAP_MAIN()
