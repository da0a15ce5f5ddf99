/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stubdomd's end of a display: the test is dom0 and QEMU. */
/* Until the test says so. */
#define YIELD_MS  3600000
#define LINGER_MS 3600000
#include "tools/stubdom/display.c"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tools/common/log.h"
#include "tools/stubdom/options.h"
#include "tap.h"

static struct loop loop;
static struct display display;
static struct link master;
static char dir[32], path[64];
static int qemu, console, stubdoms = -1;
static int ready, closed, lost;
static char got[4096];
static size_t got_n, largest;   /* of what a turn wrote to the console */

static void is_ready(void *data)
{
    (void)data;
    ready++;
}

static void has_bytes(void *data, unsigned int channel, const void *bytes,
                      size_t n)
{
    (void)data;
    check(got_n + n <= sizeof(got));
    memcpy(got + got_n, bytes, n);
    got_n += n;
    link_taken(&master, channel, n);
}

static void has_closed(void *data, unsigned int channel)
{
    (void)data, (void)channel;
    closed++;
}

static void is_lost(void *data, const char *why)
{
    (void)data, (void)why;
    lost++;
}

static const struct link_hooks master_hooks = {
    .ready = is_ready, .bytes = has_bytes, .closed = has_closed,
    .lost = is_lost,
};

/* The console's tty, which can be opened when there is one. */
static int tty_open(void *data)
{
    int fd = stubdoms;

    (void)data;
    stubdoms = -1;
    return fd;
}

static void console_make(void)
{
    int ends[2];

    check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
    console = ends[0];
    stubdoms = ends[1];
}

/* Some turns of both ends. */
static void turn(void)
{
    for (int i = 0; i < 20; i++) {
        char bytes[4096];
        ssize_t n;

        if (master.out.len) {
            n = send(console, master.out.data, master.out.len, MSG_NOSIGNAL);
            if (n > 0)
                link_sent(&master, (size_t)n);
        }
        check_int(loop_run_once(&loop, 5), 0);
        while ((n = recv(console, bytes, sizeof(bytes), 0)) > 0) {
            largest = (size_t)n > largest ? (size_t)n : largest;
            link_input(&master, bytes, (size_t)n);
        }
    }
}

static void begin(bool with_qemu)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    check(freopen("/dev/null", "w", stderr) != NULL);
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_INFO);
    snprintf(dir, sizeof(dir), "/tmp/xenqmp-vnc-XXXXXX");
    check(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/vnc", dir);
    strcpy(at.sun_path, path);
    qemu = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (with_qemu)
        check(!bind(qemu, (struct sockaddr *)&at, sizeof(at)) &&
              !listen(qemu, 16));
    check_int(loop_init(&loop), 0);
    display = (struct display){
        .loop = &loop, .socket = path, .open = tty_open,
    };
    console_make();
    display_start(&display);
    master = (struct link){ .master = true, .hooks = &master_hooks };
    link_init(&master);
    link_reset(&master, (const uint8_t *)"nonce..1");
    turn();
    check_int(ready, 1);
}

static void end(void)
{
    unlink(path);
    rmdir(dir);
}

/* Meanwhile nothing else of the stubdomain goes on. */
TEST(no_turn_writes_more_than_half_a_ring_for_all_viewers)
{
    char bytes[2000] = "";
    int fds[2];

    begin(true);
    for (int i = 0; i < 2; i++) {
        check_int(link_open(&master), i);
        turn();
        fds[i] = accept(qemu, NULL, NULL);
    }
    largest = 0;
    for (int i = 0; i < 2; i++)
        check(write(fds[i], bytes, sizeof(bytes)) == sizeof(bytes));
    turn();
    check_int(got_n, 2 * sizeof(bytes));
    check_int(largest, 1024);
    end();
}

/* Bytes of QEMU's wait for the console, as many. */
static int have_waiting(size_t n)
{
    static const char bytes[4000];
    int first;

    begin(true);
    check_int(link_open(&master), 0);
    turn();
    first = accept(qemu, NULL, NULL);
    check(first >= 0);
    check(write(first, bytes, n) == (ssize_t)n);
    check_int(loop_run_once(&loop, 0), 0);
    check(display.link.out.len >= n);
    return first;
}

/* What was written since, at most so often as a turn. */
static size_t written(void)
{
    char bytes[4096];
    ssize_t n = recv(console, bytes, sizeof(bytes), 0);

    if (n > 0)
        link_input(&master, bytes, (size_t)n);
    return n > 0 ? (size_t)n : 0;
}

static void moment_is_over(void)
{
    check(loop_timer_is_set(&display.yields));
    loop_timer_set(&loop, &display.yields, 0, display_writes, &display);
    check_int(loop_run_once(&loop, 0), 0);
}

TEST(qmp_goes_before_it_for_a_moment)
{
    have_waiting(5);
    display_yield(&display);
    for (int i = 0; i < 3; i++)
        check_int(loop_run_once(&loop, 0), 0);
    check_int(written(), 0);
    moment_is_over();
    turn();
    check_int(got_n, 5);
    end();
}

static void command_comes(void *data, uint32_t events)
{
    char byte;

    (void)events;
    check_int(read(*(int *)data, &byte, 1), 1);
    display_yield(&display);
}

/* Also before what the turn would have written anyway. */
TEST(a_command_of_the_same_turn_goes_before_it)
{
    int command[2];
    loop_id id;

    check(!pipe(command));
    have_waiting(2000);
    check_int(loop_add(&loop, command[0], EPOLLIN, command_comes, command,
                       &id), 0);
    check_int(write(command[1], "c", 1), 1);
    check_int(loop_run_once(&loop, 0), 0);
    check_int(written(), 0);
    check(loop_timer_is_set(&display.yields));
    end();
}

/* Whoever has one command after another has the stubdomain to himself, but for
 * a piece behind each answer. */
TEST(behind_each_answer_goes_one_piece)
{
    have_waiting(4000);
    for (int i = 0; i < 3; i++) {
        display_yield(&display);
        check_int(loop_run_once(&loop, 0), 0);
        check_int(written(), 0);
        display_go_on(&display);
        for (int turns = 0; turns < 3; turns++)
            check_int(loop_run_once(&loop, 0), 0);
        check_int(written(), 1024);
    }
    moment_is_over();
    turn();
    check_int(got_n, 4000);
    /* An answer that came late, or none. */
    display_go_on(&display);
    check(!loop_timer_is_set(&display.yields));
    end();
}

TEST(a_channel_is_a_connection_to_qemu)
{
    char bytes[16];
    int first, second;

    begin(true);
    check_int(link_open(&master), 0);
    check_int(link_open(&master), 1);
    turn();
    first = accept(qemu, NULL, NULL);
    second = accept(qemu, NULL, NULL);
    check(first >= 0 && second >= 0);
    link_send(&master, 1, "to the second", 13);
    check(write(first, "from the first", 14) == 14);
    turn();
    check_int(recv(second, bytes, sizeof(bytes), MSG_DONTWAIT), 13);
    check_int(recv(first, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
    check_mem(got, got_n, "from the first", 14);
    /* QEMU hangs up, with last words. */
    got_n = 0;
    check(write(second, "bye", 3) == 3);
    close(second);
    turn();
    check_mem(got, got_n, "bye", 3);
    check_int(closed, 1);
    /* So does the viewer. */
    link_close(&master, 0);
    turn();
    check_int(recv(first, bytes, sizeof(bytes), 0), 0);
    check_int(lost, 0);
    end();
}

/* QEMU looks whether its peer has hung up before it reads. */
TEST(who_types_and_hangs_up_has_typed)
{
    char bytes[16];
    int first, second;
    struct pollfd p = { .events = POLLIN };

    begin(true);
    check_int(link_open(&master), 0);
    turn();
    first = accept(qemu, NULL, NULL);
    check(first >= 0);
    check(write(first, "a screen", 8) == 8);
    link_send(&master, 0, "keys", 4);
    link_close(&master, 0);
    turn();
    p.fd = first;
    check_int(poll(&p, 1, 0), 1);
    check_int(p.revents, POLLIN);
    check_int(recv(first, bytes, sizeof(bytes), 0), 4);
    check_int(recv(first, bytes, sizeof(bytes), 0), 0);
    /* The next one has the channel before QEMU has closed that. */
    check_int(link_open(&master), 0);
    turn();
    second = accept(qemu, NULL, NULL);
    check(second >= 0);
    close(first);
    turn();
    check_int(display.viewers[0].left_fd, -1);
    link_send(&master, 0, "more", 4);
    link_close(&master, 0);
    turn();
    /* Nor does QEMU that closes nothing keep more than one a channel. */
    check_int(link_open(&master), 0);
    turn();
    check(accept(qemu, NULL, NULL) >= 0);
    link_close(&master, 0);
    turn();
    p.fd = second;
    check_int(poll(&p, 1, 0), 1);
    check(p.revents & POLLHUP);
    check_int(lost, 0);
    end();
}

TEST(without_qemu_it_is_closed_at_once)
{
    begin(false);
    check_int(link_open(&master), 0);
    turn();
    check_int(closed, 1);
    check_int(lost, 0);
    end();
}

TEST(a_console_that_was_hung_up_comes_back_without_its_viewers)
{
    char bytes[16];
    int fd;

    begin(true);
    check_int(link_open(&master), 0);
    turn();
    fd = accept(qemu, NULL, NULL);
    check(fd >= 0);
    close(console);
    console_make();
    while (stubdoms >= 0)
        check_int(loop_run_once(&loop, 100), 0);
    check_int(recv(fd, bytes, sizeof(bytes), 0), 0);
    turn();
    check_int(lost, 1);
    link_reset(&master, (const uint8_t *)"nonce..2");
    turn();
    check_int(ready, 2);
    check_int(link_open(&master), 0);
    turn();
    check(accept(qemu, NULL, NULL) >= 0);
    end();
}

TEST(it_is_where_libxl_says_that_there_is_none)
{
    /* Of keymap="de". */
    static const char *const libxls[] = { "qemu", "-vnc", "none", "-k", "de",
                                          "-S" };
    static const char *const ought[] = { "qemu", "-vnc",
                                         "unix:/run/vnc,share=ignore", "-k",
                                         "de", "-S" };
    struct arguments a = { .n = 0 };

    for (size_t i = 0; i < 6; i++)
        check_int(arguments_add_translated(&a, libxls[i], NULL, NULL), 0);
    check_int(options_adapt(&a), 0);
    check_int(display_set_arguments(&a), 0);
    check_int(a.n, 6);
    for (size_t i = 0; i < 6; i++)
        check_str(a.argv[i], ought[i]);
    arguments_dispose(&a);
    a = (struct arguments){ .n = 0 };
    check(!arguments_add(&a, "qemu"));
    check_int(display_set_arguments(&a), 0);
    check_str(a.argv[2], ought[2]);
}

TAP_MAIN()
