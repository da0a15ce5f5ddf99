/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/output/stream.h"

#include "tap.h"

#include <errno.h>
#include <sys/socket.h>

/* Writes of the reader's descriptor that still succeed; then it is gone. */
static int reader = -1, successes;

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    if (fd != reader)
        return __real_write(fd, bytes, n);
    if (successes--)
        return (ssize_t)n;
    errno = EPIPE;
    return -1;
}

static void on_event(void *data, uint32_t events)
{
    (void)data, (void)events;
}

TEST(what_was_written_before_an_error_is_told)
{
    static const char bytes[4096];
    struct stream stream;
    struct loop loop;
    int fds[2];

    check(!loop_init(&loop) && !pipe(fds));
    stream_init(&stream, sizeof(bytes));
    check(!stream_open(&stream, &loop, fds[0], on_event, NULL));
    /* In two pieces. */
    check_int(fifo_put(&stream.fifo, bytes, 4000), 4000);
    fifo_consume(&stream.fifo, 3000);
    check_int(fifo_put(&stream.fifo, bytes, 1500), 1500);
    reader = fds[0];
    successes = 1;
    check_int(stream_flush(&stream), 1096);
    check_int(stream.fifo.len, 1404);
    successes = 0;
    check_int(stream_flush(&stream), -1);
    check_int(stream.fifo.len, 1404);
    stream_close(&stream);
    loop_dispose(&loop);
}

/* A read to hear that there is nothing more is one for each command. */
TEST(less_than_was_asked_for_is_all)
{
    struct stream stream;
    struct loop loop;
    int fds[2];
    char bytes[8];

    check(!loop_init(&loop) &&
          !socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
    stream_init(&stream, sizeof(bytes));
    check(!stream_open(&stream, &loop, fds[0], on_event, NULL));
    check_int(write(fds[1], "12345", 5), 5);
    stream_events(&stream, EPOLLIN);
    check_int(stream_read(&stream, bytes, 4), 4);
    check_int(stream_read(&stream, bytes, 4), 1);
    check_int(write(fds[1], "678", 3), 3);
    check_int(stream_read(&stream, bytes, 4), 0);
    stream_events(&stream, EPOLLIN);
    check_int(stream_read(&stream, bytes, 4), 3);
    close(fds[1]);
    check_int(stream_read(&stream, bytes, 4), 0);
    stream_events(&stream, EPOLLIN | EPOLLHUP);
    check_int(stream_read(&stream, bytes, 4), -1);
    stream_close(&stream);
    loop_dispose(&loop);
}

TAP_MAIN()
