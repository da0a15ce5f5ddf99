/* SPDX-License-Identifier: GPL-2.0-or-later */
static int last_ms = 300000;
#define LAST_MS last_ms
#define LAST_QUIET 50
#include "console/output/out_pty.c"

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

/* What it reads until its terminal has gone. */
static size_t read_to_the_end(int fd, char *text, size_t size)
{
    size_t n = 0;

    for (;;) {
        ssize_t r = read(fd, text + n, size - n);

        if (r > 0)
            n += (size_t)r;
        else if (!r || errno == EIO)
            return n;
        else
            loop_run_once(&loop, 10);
    }
}

TEST(pty_last_words_are_read_after_its_end)
{
    static char words[100000], read_words[sizeof(words)];
    int fd;

    for (size_t i = 0; i < sizeof(words); i++)
        words[i] = (char)('a' + i * 31 % 26);
    start("pty", NULL, "131072");
    fd = open(output_tty(output), O_RDWR | O_NOCTTY | O_NONBLOCK);
    check_int(put(words, sizeof(words)), sizeof(words));
    check(output_buffered(output));
    output_close(output);
    output = NULL;
    check_int(read_to_the_end(fd, read_words, sizeof(words)), sizeof(words));
    check_mem(read_words, sizeof(words), words, sizeof(words));
    finish();
}

TEST(pty_lasts_until_its_reader_has_come_to_it)
{
    char text[16];
    int fd;

    start("pty", NULL, NULL);
    fd = open(output_tty(output), O_RDWR | O_NOCTTY | O_NONBLOCK);
    check_int(put("last words", 10), 10);
    output_close(output);
    output = NULL;
    for (int i = 0; i < 2 * LAST_QUIET; i++)
        loop_run_once(&loop, LAST_TURN_MS);
    check_int(read_to_the_end(fd, text, sizeof(text)), 10);
    finish();
}

static int descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

TEST(pty_that_nobody_has_open_goes_at_once)
{
    int before, fd;

    start("pty", NULL, NULL);
    before = descriptors();
    fd = open(output_tty(output), O_RDWR | O_NOCTTY);
    put("unread", 6);
    close(fd);
    put("unread", 6);
    output_close(output);
    output = NULL;
    check_int(descriptors(), before - 2);
    finish();
}

TEST(pty_that_nobody_reads_goes_all_the_same)
{
    struct settings settings = { .kind = OUTPUT_PTY, .limit = 4096 };
    int before;

    last_ms = 5000;
    start("pty", NULL, NULL);
    before = descriptors();
    for (int i = 0; i < 200; i++) {
        check(open(output_tty(output), O_RDWR | O_NOCTTY) >= 0);
        before++;
        put("unread", 6);
        output_close(output);
        output = output_open(&host, &settings);
        check(output);
    }
    /* A bounded number of them, whoever destroys domains. */
    check(descriptors() <= before + 2 * 64);
    while (descriptors() > before)
        loop_run_once(&loop, 100);
    finish();
}

TAP_MAIN()
