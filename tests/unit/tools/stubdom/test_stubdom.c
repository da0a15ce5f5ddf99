/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/stubdom/arguments.h"
#include "tools/stubdom/boot.h"
#include "tools/stubdom/consoles.h"
#include "tools/stubdom/monitor.h"
#include "tools/stubdom/network.h"
#include "tools/stubdom/options.h"
#include "tools/stubdom/state.h"
#include "tools/stubdom/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <termios.h>
#include <zlib.h>

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

/* values and wanted end with NULL. */
static void check_adapted(const char *const values[],
                          const char *const wanted[])
{
    static struct arguments arguments;
    size_t n = 0;

    for (size_t i = 0; values[i]; i++)
        check_int(arguments_add(&arguments, values[i]), 0);
    check_int(options_adapt(&arguments), 0);
    for (; wanted[n]; n++)
        check_str(arguments.argv[n] ? arguments.argv[n] : "(none)", wanted[n]);
    check_int(arguments.n, n);
    check(!arguments.argv[n]);
    arguments_dispose(&arguments);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

TEST(arguments_that_later_qemus_have_dropped_are_said_otherwise)
{
    check_adapted(LIST("qemu", "-no-shutdown", "-no-acpi", "-device",
                       "VGA,vgamem_mb=16", "-machine", "xenfv"),
                  LIST("qemu", "-no-shutdown", "-machine", "acpi=off",
                       "-device", "VGA,vgamem_mb=16", "-machine", "xenfv"));
    check_adapted(LIST("qemu", "-xen-domid-restrict", "-chroot", "/var/run/x",
                       "-runas", "1000:1000", "-run-with", "user=1:1",
                       "-machine", "xenfv"),
                  LIST("qemu", "-machine", "xenfv"));
    /* Values are nobody's options. */
    check_adapted(LIST("qemu", "-name", "-chroot", "-xen-attach", "-name",
                       "-no-acpi", "-chroot"),
                  LIST("qemu", "-name", "-chroot", "-xen-attach", "-name",
                       "-no-acpi"));
}

TEST(sound_without_a_backend_goes_nowhere)
{
    check_adapted(LIST("qemu", "-device", "intel-hda", "-device",
                       "hda-duplex", "-device", "ac97", "-m", "1"),
                  LIST("qemu", "-device", "intel-hda", "-device",
                       "hda-duplex,audiodev=stubdomd-none", "-device",
                       "ac97,audiodev=stubdomd-none", "-m", "1",
                       "-audiodev", "none,id=stubdomd-none"));
    check_adapted(LIST("qemu", "-audiodev", "wav,id=w", "-device",
                       "AC97,audiodev=w", "-device", "AC97x"),
                  LIST("qemu", "-audiodev", "wav,id=w", "-device",
                       "AC97,audiodev=w", "-device", "AC97x"));
}

TEST(an_image_has_arguments_of_its_own)
{
    static struct arguments arguments;
    char path[] = "/tmp/arguments-XXXXXX";
    int fd = mkstemp(path);

    check(fd >= 0 && write(fd, "-sandbox\non,spawn=deny\n", 23) == 23);
    close(fd);
    check_int(options_add_file(&arguments, path), 0);
    check_int(arguments.n, 2);
    check_str(arguments.argv[0], "-sandbox");
    check_str(arguments.argv[1], "on,spawn=deny");
    unlink(path);
    check_int(options_add_file(&arguments, path), 0);
    check_int(options_add_file(&arguments, "/dev/null/none"), -1);
    check_int(arguments.n, 2);
    arguments_dispose(&arguments);
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

TEST(a_stream_copies_into_a_slow_terminal)
{
    static char bytes[300000], copy[300000];
    static struct stream stream;
    static struct loop loop;
    int fds[2], ends[2];
    size_t put = 0, got = 0;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 + i / 251);
    check_int(pipe2(ends, O_NONBLOCK), 0);
    terminal_open(fds);
    check_int(loop_init(&loop), 0);
    check_int(stream_start(&stream, &loop, ends[0], fds[1], done, NULL), 0);
    while (got < sizeof(copy)) {
        ssize_t n = write(ends[1], bytes + put, sizeof(bytes) - put);

        put += n > 0 ? (size_t)n : 0;
        check_int(loop_run_once(&loop, 0), 0);
        n = read(fds[0], copy + got, 1000);
        got += n > 0 ? (size_t)n : 0;
    }
    check(stream.active);
    stream_finish(&stream);
    while (stream.active)
        check_int(loop_run_once(&loop, -1), 0);
    check_int(done_error, 0);
    check_int(stream.copied, sizeof(bytes));
    check(stream.crc == crc32(0, (Bytef *)bytes, sizeof(bytes)));
    check_mem(copy, got, bytes, sizeof(bytes));
}

TEST(a_stream_that_finishes_has_what_is_left)
{
    static char bytes[40000], copy[40000];
    static struct stream stream;
    static struct loop loop;
    int fds[2], ends[2];

    check_int(pipe2(ends, O_NONBLOCK), 0);
    check_int(write(ends[1], bytes, sizeof(bytes)), sizeof(bytes));
    terminal_open(fds);
    check_int(loop_init(&loop), 0);
    check_int(stream_start(&stream, &loop, ends[0], fds[1], done, NULL), 0);
    stream_finish(&stream);
    while (stream.active) {
        check(read(fds[0], copy, sizeof(copy)) > 0 || errno == EAGAIN);
        check_int(loop_run_once(&loop, 0), 0);
    }
    check_int(done_error, 0);
    check_int(stream.copied, sizeof(bytes));
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

static int links_changed(int netlink)
{
    char message[8192];
    int n = 0;

    while (recv(netlink, message, sizeof(message), 0) > 0)
        n++;
    return n;
}

/* stubdomd hears of each change, and looks at all links at each. The loopback
 * link of a network of the test's own tells of an address that is set again,
 * and also while it is up, as Linux 6.12's xen-netfront does. */
TEST(a_frontend_that_is_ready_is_not_set_again)
{
    struct sockaddr_nl addr = { .nl_family = AF_NETLINK,
                                .nl_groups = RTMGRP_LINK };
    struct ifreq ifr = { .ifr_flags = 0 };
    int fd, netlink;

    check_int(unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET),
              0);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE);
    check_int(bind(netlink, (struct sockaddr *)&addr, sizeof(addr)), 0);
    check_int(network_link_prepare(fd, "lo"), 0);
    check(links_changed(netlink) > 0);
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "lo");
    check_int(ioctl(fd, SIOCGIFHWADDR, &ifr), 0);
    check_int((unsigned char)ifr.ifr_hwaddr.sa_data[0], 0xfe);
    check_int(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
    check(ifr.ifr_flags & IFF_UP);
    check_int(network_link_prepare(fd, "lo"), 0);
    check_int(links_changed(netlink), 0);
    close(netlink);
    close(fd);
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
    loop_dispose(&peer.loop);
    unlink(path);
}

/* --- state.c ---------------------------------------------------------- */

static char state_path[64];
static int states, qemu_end;
static struct loop state_loop;
static struct state state;
static int saves, stops, save_error;

static void state_saved(void *data, int error)
{
    (void)data;
    saves++;
    save_error = error;
}

static void state_stopped(void *data)
{
    (void)data;
    stops++;
}

static void state_start(int tty)
{
    state = (struct state){ .loop = &state_loop, .saved = state_saved,
                            .stopped = state_stopped };
    snprintf(state_path, sizeof(state_path), "/tmp/test_stubdom.%d.%d",
             (int)getpid(), ++states);
    check_int(loop_init(&state_loop), 0);
    check_int(state_init(&state, state_path, tty), 0);
    qemu_end = open(state_path, O_WRONLY | O_NONBLOCK);
    check(qemu_end >= 0);
    unlink(state_path);
}

/* In the place of a tty, one that says what it still holds: what the other
 * end has not read. */
static int tty_start(void)
{
    int ends[2];

    check_int(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    state_start(ends[1]);
    return ends[0];
}

static void save_start(const char *bytes, size_t n)
{
    state_begin(&state);
    check_int(write(qemu_end, bytes, n), n);
    state_finish(&state);
}

/* Turns that are enough for anything that would happen at once. */
static void turns(void)
{
    for (int i = 0; i < 10; i++)
        check_int(loop_run_once(&state_loop, 0), 0);
}

static void check_saved(int ring, const char *text, uint32_t crc)
{
    char got[64];

    while (state.save.copied < strlen(text))
        check_int(loop_run_once(&state_loop, -1), 0);
    turns();
    check_int(saves, 0);        /* not while the tty holds it back */
    check_mem(got, (size_t)read(ring, got, sizeof(got)), text,
              strlen(text));
    while (!saves)
        check_int(loop_run_once(&state_loop, -1), 0);
    check_int(save_error, 0);
    check_int(state.save.copied, strlen(text));
    check(state.save.crc == crc);
    saves = 0;
}

TEST(a_second_save_is_whole)
{
    int ring = tty_start();

    save_start("the first state", 15);
    check_saved(ring, "the first state", 0xfcb9458b);
    save_start("second", 6);
    check_saved(ring, "second", 0xb61f1169);
}

/* As much as there is room for. */
static size_t qemu_writes(void)
{
    static const char bytes[4096];
    size_t n = 0;

    while (write(qemu_end, bytes, sizeof(bytes)) == sizeof(bytes))
        n += sizeof(bytes);
    return n;
}

TEST(a_save_may_be_larger_than_any_room)
{
    int ring = tty_start();
    static char got[4096];
    size_t wrote = 0, n = 0;
    ssize_t r;

    state_begin(&state);
    while (wrote < 8 << 20) {
        wrote += qemu_writes();
        check_int(loop_run_once(&state_loop, 0), 0);
        r = read(ring, got, sizeof(got));
        n += r > 0 ? (size_t)r : 0;
    }
    state_finish(&state);
    while (!saves) {
        check_int(loop_run_once(&state_loop, 0), 0);
        r = read(ring, got, sizeof(got));
        n += r > 0 ? (size_t)r : 0;
    }
    check_int(save_error, 0);
    check_int(n, wrote);
    check_int(state.save.copied, wrote);
}

TEST(a_save_that_is_stopped_writes_no_more_and_waits_for_what_it_has)
{
    char got[65536];
    int ring = tty_start();
    uint64_t copied = 0;
    size_t wrote;

    /* Nobody takes anything yet, and QEMU is held up by nothing. */
    state_begin(&state);
    check_int(qemu_writes(), 1 << 20);
    do {
        wrote = qemu_writes();
        turns();
        copied = state.save.copied;
    } while (wrote);
    check(copied);
    state_stop(&state);
    turns();
    check_int(stops, 0);
    /* QEMU does not stand. */
    for (int i = 0; i < 3; i++) {
        check(qemu_writes());
        turns();
    }
    for (size_t n = 0; n < copied; ) {
        ssize_t r = read(ring, got, sizeof(got));

        check(r > 0);
        n += (size_t)r;
    }
    while (!stops)
        check_int(loop_run_once(&state_loop, -1), 0);
    turns();
    check_int(read(ring, got, sizeof(got)), -1);
    check_int(saves, 0);
    /* Of what it wrote last nothing comes with the next one. */
    qemu_writes();
    save_start("second", 6);
    check_saved(ring, "second", 0xb61f1169);
}

TEST(a_save_is_stopped_when_only_its_end_is_on_its_way)
{
    int ring = tty_start();
    char got[16];

    save_start("all of it", 9);
    while (state.save.copied < 9)
        check_int(loop_run_once(&state_loop, -1), 0);
    turns();
    state_stop(&state);
    check_int(read(ring, got, sizeof(got)), 9);
    while (!stops)
        check_int(loop_run_once(&state_loop, -1), 0);
    turns();
    check_int(saves, 0);
}

TEST(who_takes_nothing_of_a_stopped_save_does_not_hold_it_up)
{
    tty_start();
    save_start("all of it", 9);
    turns();
    state_stop(&state);
    while (!stops)
        check_int(loop_run_once(&state_loop, -1), 0);
}

TEST(a_save_without_a_console_fails)
{
    state_start(-1);
    save_start("state", 5);
    check_int(saves, 1);
    check_int(save_error, ENXIO);
}

TEST(a_save_fails_with_its_console_and_holds_nobody)
{
    int ring = tty_start();

    state_begin(&state);
    close(ring);
    for (int i = 0; i < 3; i++) {
        check(qemu_writes());
        turns();
    }
    check_int(saves, 0);
    state_finish(&state);
    check_int(saves, 1);
    check(save_error);
}

/* QEMU reads what comes to its end at once, instead of waiting for ever. */
TEST(a_state_that_can_not_be_asked_for_ends_qemus_pipe)
{
    int ttys[] = { -1, open("/dev/null", O_RDONLY) };
    char byte;

    for (size_t i = 0; i < 2; i++) {
        int qemu;

        tty_start();
        check_int(state_expect_incoming(&state), 0);
        qemu = dup(state.incoming);
        state_restore(&state, ttys[i]);
        check_int(fcntl(qemu, F_SETFL, O_NONBLOCK), 0);
        check_int(read(qemu, &byte, 1), 0);
    }
}

/* --- Modules --------------------------------------------------------- */

static void directory_make(char *path, const char *name)
{
    strcat(strcat(path, "/"), name);
    check(!mkdir(path, 0755));
}

/* What is logged of modules that are in a directory for this kernel, if any;
 * there is one that is none. */
static int modules_load(const char *version, char *logged, size_t size)
{
    char dir[] = "/tmp/test_modules.XXXXXX", path[256], list[300];
    FILE *file, *err = tmpfile();
    int r;

    check(mkdtemp(dir) && err);
    strcpy(path, dir);
    if (version) {
        directory_make(path, "modules");
        directory_make(path, version);
        snprintf(list, sizeof(list), "%s/list", path);
        check((file = fopen(list, "w")));
        check(fprintf(file, "%s\n", list) > 0 && !fclose(file));
    }
    fflush(stderr);
    check(dup2(fileno(err), STDERR_FILENO) >= 0);
    snprintf(list, sizeof(list), "%s/modules", dir);
    r = boot_load_modules(list);
    rewind(err);
    logged[fread(logged, 1, size - 1, err)] = '\0';
    snprintf(path, sizeof(path), "rm -r %s", dir);
    check(!system(path));
    return r;
}

TEST(modules_are_the_kernels_that_runs)
{
    struct utsname kernel;
    char logged[1024];

    check(!uname(&kernel));
    check_int(modules_load(NULL, logged, sizeof(logged)), 0);
    check_str(logged, "");
    check_int(modules_load(kernel.release, logged, sizeof(logged)), 0);
    check(strstr(logged, "cannot load module /tmp/"));
    check_int(modules_load("0.1", logged, sizeof(logged)), -1);
    check(strstr(logged, "the initrd has no modules for it"));
    check(strstr(logged, kernel.release) && strstr(logged, "powering off"));
    check(strchr(logged, '\n') == logged + strlen(logged) - 1);
}

TAP_MAIN()
