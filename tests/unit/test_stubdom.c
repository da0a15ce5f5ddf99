/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../tools/stubdom/arguments.h"
#include "../../tools/stubdom/consoles.h"
#include "../../tools/stubdom/monitor.h"
#include "../../tools/stubdom/network.h"
#include "../../tools/stubdom/state.h"
#include "../../tools/stubdom/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#include "tap.h"

TEST(ttys_follow_the_order_of_xenstores_list)
{
    char *sorted[] = { "1", "2", "3", "4" };
    char *odd[] = { "3", "1", "0", "2" };
    char *many[] = { "1", "2", "3", "4", "5", "6", "7", "8" };

    check_int(consoles_hvc(sorted, 4, 0), 0);
    check_int(consoles_hvc(sorted, 4, 3), 3);
    check_int(consoles_hvc(sorted, 4, 5), -1);
    check_int(consoles_hvc(odd, 4, 3), 1);
    check_int(consoles_hvc(odd, 4, 1), 2);
    check_int(consoles_hvc(odd, 4, 2), 3);
    check_int(consoles_hvc(many, 8, 7), 7);
    check_int(consoles_hvc(many, 8, 8), -1);
}

static int plus_one(int n, void *data)
{
    (void)data;
    return n == 9 ? -1 : n + 1;
}

TEST(arguments_are_literal_but_for_ttys_and_the_incoming_state)
{
    static struct arguments arguments;
    static const char *const values[] = {
        "-serial", "/dev/hvc4", "/dev/hvc4x", "a/dev/hvc4", "/dev/hvc9",
        "$STUBDOM_RESTORE_INCOMING_ARG", "a b\"c'$HOME",
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        check_int(arguments_add_translated(&arguments, values[i], plus_one,
                                           NULL), 0);
    check_str(arguments.argv[0], "-serial");
    check_str(arguments.argv[1], "/dev/hvc5");
    check_str(arguments.argv[2], "/dev/hvc4x");
    check_str(arguments.argv[3], "a/dev/hvc4");
    check_str(arguments.argv[4], "/dev/hvc9");
    check_str(arguments.argv[6], "a b\"c'$HOME");
    check(arguments_set_incoming(&arguments, 12));
    check_str(arguments.argv[5], "fd:12");
    check(!arguments_set_incoming(&arguments, 12));
    check(!arguments.argv[7]);
    while (!arguments_add(&arguments, "x"))
        continue;
    check_int(arguments.n, ARGUMENTS_MAX);
    arguments_dispose(&arguments);
    check_int(arguments.n, 0);
}

static int done_error = -1;

static void done(void *data, int error)
{
    (void)data;
    done_error = error;
}

/* Raw, as consoles_open() leaves it. It takes a part of a chunk. */
static void terminal_open(int fds[2])
{
    struct termios raw;

    fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    check(fds[0] >= 0 && !grantpt(fds[0]) && !unlockpt(fds[0]));
    fds[1] = open(ptsname(fds[0]), O_RDWR | O_NOCTTY | O_NONBLOCK);
    check(fds[1] >= 0 && !tcgetattr(fds[1], &raw));
    cfmakeraw(&raw);
    check(!tcsetattr(fds[1], TCSANOW, &raw));
}

TEST(a_stream_copies_a_file_into_a_slow_terminal)
{
    static char bytes[300000], copy[300000];
    static struct stream stream;
    static struct loop loop;
    int fds[2], file = memfd_create("state", 0);
    size_t got = 0;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 + i / 251);
    check_int(write(file, bytes, sizeof(bytes)), sizeof(bytes));
    check_int(lseek(file, 0, SEEK_SET), 0);
    terminal_open(fds);
    check_int(loop_init(&loop), 0);
    check_int(stream_start(&stream, &loop, file, fds[1], done, NULL), 0);
    while (got < sizeof(copy)) {
        ssize_t n;

        check_int(loop_run_once(&loop, 0), 0);
        n = read(fds[0], copy + got, 1000);
        got += n > 0 ? (size_t)n : 0;
    }
    while (stream.active)
        check_int(loop_run_once(&loop, -1), 0);
    check_int(done_error, 0);
    check_int(stream.copied, sizeof(bytes));
    check_mem(copy, got, bytes, sizeof(bytes));
}

TEST(a_stream_ends_when_nobody_reads_any_more)
{
    static struct stream stream;
    static struct loop loop;
    int in[2], out[2];

    signal(SIGPIPE, SIG_IGN);
    check_int(pipe2(in, O_NONBLOCK), 0);
    check_int(pipe2(out, O_NONBLOCK), 0);
    check_int(loop_init(&loop), 0);
    check_int(stream_start(&stream, &loop, in[0], out[1], done, NULL), 0);
    close(out[0]);
    while (stream.active)
        check_int(loop_run_once(&loop, -1), 0);
    check_int(done_error, EPIPE);
}

TEST(taps_are_known_by_libxls_names)
{
    char name[16];

    check_int(network_tap_of("type=tap,id=net0,ifname=vif5.0-emu,"
                             "br=xenbr0,script=no,downscript=no", name,
                             sizeof(name)), 0);
    check_str(name, "vif5.0-emu");
    check_int(network_tap_of("type=tap,id=net1,ifname=vif31.12-emu", name,
                             sizeof(name)), 12);
    check_str(name, "vif31.12-emu");
    check_int(network_tap_of("type=user,id=net0,ifname=vif5.0-emu", name,
                             sizeof(name)), -1);
    check_int(network_tap_of("type=tap,id=net0,ifname=eth0,br=x", name,
                             sizeof(name)), -1);
    check_int(network_tap_of("type=tap,id=net0,ifname=vif5.0-emux", name,
                             sizeof(name)), -1);
    check_int(network_tap_of("type=tap,ifname=vif5555555555555.0-emu", name,
                             sizeof(name)), -1);
    check_int(network_tap_of("rtl8139,id=nic0,netdev=net0", name,
                             sizeof(name)), -1);
}

struct peer {
    struct loop loop;
    struct monitor monitor;
    int connected;
};

static void peer_connected(void *data)
{
    struct peer *peer = data;

    peer->connected++;
    loop_stop(&peer->loop);
}

static void peer_readable(void *data, uint32_t events)
{
    (void)data;
    (void)events;
}

static void socket_listen(void *data)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", (char *)data);
    check_int(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    check_int(listen(fd, 1), 0);
}

/* monitor.c: QEMU listens later than stubdomd wants to connect. */
TEST(a_monitor_is_connected_once_it_listens)
{
    char path[] = "/tmp/test_stubdom.XXXXXX";
    struct peer peer = { .connected = 0 };
    struct loop_timer later = { .deadline_ms = 0 };

    close(mkstemp(path));
    unlink(path);
    check_int(loop_init(&peer.loop), 0);
    peer.monitor = (struct monitor){
        .loop = &peer.loop, .path = path, .fd = -1,
        .connected = peer_connected, .readable = peer_readable,
        .data = &peer,
    };
    monitor_connect(&peer.monitor);
    monitor_connect(&peer.monitor);
    loop_timer_set(&peer.loop, &later, 60, socket_listen, path);
    check_int(loop_run(&peer.loop), 0);
    check_int(peer.connected, 1);
    check(peer.monitor.fd >= 0);
    monitor_close(&peer.monitor);
    monitor_close(&peer.monitor);
    check_int(peer.monitor.fd, -1);
    unlink(path);
}

static void state_saved(void *data, int error)
{
    struct peer *peer = data;

    peer->connected = error;
    loop_stop(&peer->loop);
}

/* state.c: a second save is not behind the first one's end. */
TEST(a_second_save_is_whole)
{
    char path[] = "/tmp/test_stubdom.XXXXXX", got[64];
    struct peer peer = { .connected = -1 };
    struct state state = { .loop = &peer.loop, .saved = state_saved,
                           .data = &peer };
    int tty[2];

    close(mkstemp(path));
    check_int(loop_init(&peer.loop), 0);
    check_int(pipe2(tty, O_NONBLOCK), 0);
    check_int(state_init(&state, path, tty[1]), 0);
    state_prepare(&state);
    check_int(write(state.file, "the first state", 15), 15);
    state_copy(&state);
    check_int(loop_run(&peer.loop), 0);
    check_int(peer.connected, 0);
    check_mem(got, read(tty[0], got, sizeof(got)), "the first state", 15);
    state_prepare(&state);
    check_int(write(state.file, "second", 6), 6);
    state_copy(&state);
    check_int(loop_run(&peer.loop), 0);
    check_mem(got, read(tty[0], got, sizeof(got)), "second", 6);
    unlink(path);
}

TAP_MAIN()
