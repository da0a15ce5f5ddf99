/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of output, without ring and xenstore. */
#define UNIX_STALL_MS 200
#include "../../console/out_unix.c"

#include "tap.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>

static char dir[] = "/tmp/test_output.XXXXXX";
static char path[64], spec[128];
static struct loop loop;
static struct counters counters;
static struct output *output;
static unsigned int wakes, drains;

static void wake(void *data)
{
    (void)data;
    wakes++;
}

static void drain(void *data)
{
    (void)data;
    drains++;
    output_put(output, "old", 3);
    counters.received += 3;
}

static void answer(void *data, const char *request, struct qmp_buf *reply)
{
    (void)data;
    qmp_buf_printf(reply, "ok %s\n", request);
}

static struct output_host host = {
    .loop = &loop, .counters = &counters, .label = "domain 5 console 3",
    .wake = wake, .drain = drain, .control = answer,
};

static void finish(void)
{
    output_close(output);
    unlink(path);
    rmdir(dir);
}

static void start(const char *kind, const char *policy, const char *limit)
{
    struct settings_text text = { spec, policy, limit };
    struct settings settings;
    const char *why;

    check(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/f", dir);
    snprintf(spec, sizeof(spec), strchr(kind, ':') ? "%s%s" : "%s", kind,
             path);
    signal(SIGPIPE, SIG_IGN);
    check(!loop_init(&loop));
    check(!settings_parse(&text, &settings, &why));
    output = output_open(&host, &settings);
    check(output);
}

/* As flow.c does: what is taken counts as received. */
static size_t put(const char *bytes, size_t n)
{
    size_t taken = output_put(output, bytes, n);

    counters.received += taken;
    check_int(counters.received, counters.delivered + counters.dropped +
                                 output_buffered(output));
    return taken;
}

static ssize_t file_size(void)
{
    struct stat st;

    return stat(path, &st) ? -1 : st.st_size;
}

static int client(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    strcpy(address.sun_path, path);
    check(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
    return fd;
}

static bool is_closed(int fd)
{
    char c;

    for (;;) {
        ssize_t r = read(fd, &c, 1);

        if (r == 0 || (r < 0 && errno != EAGAIN))
            return true;
        if (r < 0)
            return false;
    }
}

static int attach(void)
{
    int fd = client();

    while (!output_is_attached(output))
        loop_run_once(&loop, 10);
    output_poll(output, true);
    return fd;
}

TEST(null_drops)
{
    start("null", NULL, NULL);
    check_int(put("abc", 3), 3);
    check_int(counters.dropped, 3);
    finish();
}

TEST(file_log)
{
    start("file:", NULL, NULL);
    check_int(put("abc", 3), 3);
    check_int(counters.delivered, 3);
    check_int(file_size(), 3);
    finish();
}

TEST(file_log_that_cannot_be_written)
{
    struct rlimit limit = { 2, 2 };

    start("file:", NULL, NULL);
    signal(SIGXFSZ, SIG_IGN);
    check(!setrlimit(RLIMIT_FSIZE, &limit));
    check_int(put("abc", 3), 3);
    check_int(counters.delivered, 2);
    check_int(counters.dropped, 1);
    finish();
}

TEST(save_is_gated)
{
    const char *why = NULL;
    uint64_t bytes;

    start("file:", "save", NULL);
    check_int(put("early", 5), 5);
    check_int(counters.dropped, 5);
    check_int(file_size(), -1);
    check(!output_save_sync(output, &bytes, &why));
    check_str(why, "no save has begun");

    check(output_save_begin(output, &why));
    check_int(file_size(), 0);
    check_int(put("state", 5), 5);
    check_int(put("more", 4), 4);
    check(output_save_sync(output, &bytes, &why));
    check_int(bytes, 9);
    check_int(file_size(), 9);

    check_int(put("late", 4), 4);
    check_int(file_size(), 9);
    check_int(counters.dropped, 9);
    check(!output_save_sync(output, &bytes, &why));
    finish();
}

TEST(save_again_makes_the_file_anew)
{
    const char *why;
    uint64_t bytes;

    start("file:", "save", NULL);
    check(output_save_begin(output, &why));
    put("first, and longer", 17);
    check(output_save_begin(output, &why));
    put("second", 6);
    check(output_save_sync(output, &bytes, &why));
    check_int(bytes, 6);
    check_int(file_size(), 6);
    finish();
}

TEST(save_on_a_full_disk)
{
    struct rlimit limit = { 4, RLIM_INFINITY };
    const char *why = NULL;
    uint64_t bytes;

    start("file:", "save", NULL);
    signal(SIGXFSZ, SIG_IGN);
    check(!setrlimit(RLIMIT_FSIZE, &limit));
    check(output_save_begin(output, &why));
    check_int(put("abcdef", 6), 6);
    /* Room again: still no holes in the file. */
    limit.rlim_cur = RLIM_INFINITY;
    check(!setrlimit(RLIMIT_FSIZE, &limit));
    check_int(put("ghi", 3), 3);
    check_int(counters.delivered, 4);
    check_int(counters.dropped, 5);
    check(!output_save_sync(output, &bytes, &why));
    check_str(why, "File too large");
    /* The next one starts with a clean slate. */
    check(output_save_begin(output, &why));
    put("ok", 2);
    check(output_save_sync(output, &bytes, &why));
    check_int(bytes, 2);
    finish();
}

TEST(save_does_not_follow_links)
{
    const char *why = NULL;

    start("file:", "save", NULL);
    check(!symlink("/tmp/nowhere", path));
    check(!output_save_begin(output, &why));
    check(why);
    finish();
}

TEST(save_fails_when_the_ring_goes)
{
    const char *why = NULL;
    uint64_t bytes;

    start("file:", "save", NULL);
    check(output_save_begin(output, &why));
    put("ab", 2);
    output_ring_lost(output);
    put("cd", 2);
    check(!output_save_sync(output, &bytes, &why));
    check(why);
    finish();
}

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

static void read_all(int fd, const char *expected)
{
    char text[4096];
    size_t n = 0;

    while (n < strlen(expected)) {
        ssize_t r = read(fd, text + n, sizeof(text) - n);

        if (r > 0)
            n += (size_t)r;
        else
            loop_run_once(&loop, 10);
    }
    check_mem(text, n, expected, strlen(expected));
}

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
    while (output_is_attached(output))
        loop_run_once(&loop, 10);
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
    check(access(path, F_OK));
    check(access(ctl, F_OK));
    rmdir(dir);
}

TAP_MAIN()
