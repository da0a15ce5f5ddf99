/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pid 1 of a Linux stubdomain: starts QEMU with the arguments that libxl
 * left in xenstore (qemu.h), relays QMP between console 3 and QEMU
 * (relay.h), moves the device state by consoles 1 and 2 (state.h),
 * connects the emulated NICs to dom0 (network.h), gives QEMU the disks that
 * are plugged in later (disks.h), shows it PCI devices (pci.h), and carries its
 * display over console 8 (display.h).
 *
 * Two monitors: A belongs to the disks (disks.h) and is connected always; B
 * is the relay's, connected anew at each qmp_reset.
 *
 * Order: file systems, the image, modules, xenstore, consoles, network,
 * QEMU, then the loop. It ends when QEMU ends, by powering the stubdomain off.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenstore.h>

#include "boot.h"
#include "consoles.h"
#include "disks.h"
#include "display.h"
#include "frontends.h"
#include "tools/common/log.h"
#include "tools/common/loop.h"
#include "monitor.h"
#include "network.h"
#include "pci.h"
#include "qemu.h"
#include "relay.h"
#include "state.h"

#define SAVE_FIFO "/run/qemu-save"
/* After a hang-up of console 3: a resume brings it back, a removal doesn't. */
#define REOPEN_MS 500
/* What mkstubdom makes: the initramfs has modules to mount the rest. */
#define IMAGE_MODULES "/modules"
#define IMAGE "/usr.squashfs"
#define MODULES "/usr/modules"

struct stubdomd {
    struct loop loop;
    struct relay relay;
    struct disks disks;         /* has monitor A */
    struct frontends frontends;
    struct monitor b;
    struct state state;
    struct network network;
    struct pci pci;
    struct display display;
    struct qemu qemu;
    char **consoles;            /* entries of device/console */
    unsigned int consoles_n;
    int signal_fd, qmp_fd;      /* qmp_fd: console 3's tty, or -1 */
    loop_id signal_id, qmp_id;
    struct loop_timer reopen;
    unsigned long oom_kills;    /* before QEMU was there */
};

static void update(struct stubdomd *d);

static int hvc_of(int n, void *data)
{
    struct stubdomd *d = data;

    return consoles_hvc(d->consoles, d->consoles_n, n);
}

static int open_console(struct stubdomd *d, int n)
{
    int hvc = hvc_of(n, d);
    int fd = hvc < 0 ? -1 : consoles_open(hvc);

    if (fd < 0)
        log_error("console %d cannot be opened: %s", n,
                  hvc < 0 ? "it has no tty" : strerror(errno));
    return fd;
}

static void start_afresh(const char *what)
{
    log_guest(0, LOG_LEVEL_ERROR, "%s; QMP starts afresh", what);
}

/* --- Monitors -------------------------------------------------------- */

static void a_connected(void *data)
{
    update(data);
}

static void b_connected(void *data)
{
    struct stubdomd *d = data;

    relay_connected(&d->relay);
    update(d);
}

static void b_readable(void *data, uint32_t events)
{
    struct stubdomd *d = data;
    char bytes[16384];
    ssize_t n = read(d->b.fd, bytes, sizeof(bytes));
    size_t asked = d->relay.flight_n;

    (void)events;
    if (n > 0) {
        if (relay_qemu_input(&d->relay, bytes, (size_t)n)) {
            start_afresh("more than fits came from QEMU");
            monitor_close(&d->b);
            relay_disconnected(&d->relay);
        }
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        monitor_close(&d->b);
        relay_disconnected(&d->relay);
    }
    update(d);
    /* Behind the answer. */
    if (asked && !d->relay.flight_n)
        display_go_on(&d->display);
}

static void b_write(struct stubdomd *d)
{
    struct qmp_buf *buf = &d->relay.to_qemu;

    while (d->b.fd >= 0 && buf->len) {
        ssize_t n = write(d->b.fd, buf->data, buf->len);

        if (n <= 0)
            break;
        display_yield(&d->display);
        qmp_buf_consume(buf, (size_t)n);
    }
}

/* --- Console 3 ------------------------------------------------------- */

static void qmp_reopen(void *data);

static void qmp_lost(struct stubdomd *d)
{
    /* Suspend and resume hang the tty up: a new peer afterwards. */
    loop_del(&d->loop, &d->qmp_id);
    close(d->qmp_fd);
    d->qmp_fd = -1;
    relay_console_renewed(&d->relay);
    log_guest(0, LOG_LEVEL_WARN, "console 3 was hung up; QMP starts afresh when "
              "it is back");
    loop_timer_set(&d->loop, &d->reopen, REOPEN_MS, qmp_reopen, d);
}

static void qmp_ready(void *data, uint32_t events)
{
    struct stubdomd *d = data;
    char bytes[4096];
    ssize_t n = 0;

    if (events & EPOLLHUP) {
        qmp_lost(d);
    } else if (events & EPOLLIN) {
        n = read(d->qmp_fd, bytes, sizeof(bytes));
        if (n > 0) {
            pci_catch_up(&d->pci);
            d->relay.host_devices = d->pci.devices_n;
            if (relay_console_input(&d->relay, bytes, (size_t)n)) {
                start_afresh("more than fits came from console 3");
                relay_console_renewed(&d->relay);
            }
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            qmp_lost(d);
        }
    }
    update(d);
}

static void qmp_reopen(void *data)
{
    struct stubdomd *d = data;
    int hvc = hvc_of(CONSOLE_QMP, d);

    /* Without a word: the loss was told. */
    d->qmp_fd = hvc < 0 ? -1 : consoles_open(hvc);
    if (d->qmp_fd < 0)
        loop_timer_set(&d->loop, &d->reopen, REOPEN_MS, qmp_reopen, d);
    else
        loop_add(&d->loop, d->qmp_fd, EPOLLIN, qmp_ready, d, &d->qmp_id);
    update(d);
}

static void qmp_write(struct stubdomd *d)
{
    struct qmp_buf *buf = &d->relay.to_console;

    while (d->qmp_fd >= 0 && buf->len && !d->relay.stopping) {
        ssize_t n = write(d->qmp_fd, buf->data, buf->len);

        if (n <= 0)
            break;
        relay_console_written(&d->relay, (size_t)n);
    }
}

static void state_saved(void *data, int error)
{
    struct stubdomd *d = data;

    if (relay_save_copied(&d->relay, error, d->state.save.copied,
                          d->state.save.crc)) {
        start_afresh("a save's reply is more than fits");
        relay_console_renewed(&d->relay);
    }
    update(d);
}

static void state_stopped(void *data)
{
    struct stubdomd *d = data;

    relay_save_stopped(&d->relay);
    update(d);
}

/* Does what the relay asks for and derives what is waited for. */
static void update(struct stubdomd *d)
{
    struct relay *relay = &d->relay;

    if (relay->want_save_stop) {
        relay->want_save_stop = false;
        state_stop(&d->state);
    }
    if (relay->want_save_begin) {
        relay->want_save_begin = false;
        state_begin(&d->state);
    }
    if (relay->want_save_finish) {
        relay->want_save_finish = false;
        state_finish(&d->state);
    }
    if (relay->want_connect) {
        if (d->b.fd >= 0)
            monitor_close(&d->b);
        /* A first: there must never be a time without a monitor. */
        if (d->disks.monitor.fd >= 0)
            monitor_connect(&d->b);
    }
    b_write(d);
    qmp_write(d);
    loop_mod(&d->loop, d->b.id,
             (relay->to_console.len < RELAY_EVENTS_MAX ? EPOLLIN : 0) |
             (relay->to_qemu.len ? EPOLLOUT : 0));
    /* Always read: a qmp_reset may come in any state. */
    loop_mod(&d->loop, d->qmp_id, EPOLLIN |
             (relay->to_console.len && !relay->stopping ? EPOLLOUT : 0));
}

/* --- Console 8 ------------------------------------------------------- */

static bool has_display(struct stubdomd *d)
{
    return hvc_of(CONSOLE_DISPLAY, d) >= 0;
}

/* Without a word: the loss was told. */
static int display_console(void *data)
{
    int hvc = hvc_of(CONSOLE_DISPLAY, data);

    return hvc < 0 ? -1 : consoles_open(hvc);
}

/* --- Start and end --------------------------------------------------- */

static void power_off(void)
{
    sync();
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}

static void signal_ready(void *data, uint32_t events)
{
    struct stubdomd *d = data;
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    (void)events;
    while (read(d->signal_fd, &info, sizeof(info)) > 0)
        continue;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != d->qemu.pid)
            continue;
        if (boot_oom_kills() > d->oom_kills)
            log_error("QEMU was killed: the stubdomain's memory is used up; "
                      "set a larger stubdomain_memory");
        else if (WIFSIGNALED(status))
            log_error("QEMU was killed by signal %d", WTERMSIG(status));
        else
            log_info("QEMU ended with status %d", WEXITSTATUS(status));
        power_off();
    }
}

static int signals_open(struct stubdomd *d)
{
    sigset_t child;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    d->signal_fd = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
    return d->signal_fd < 0 ||
           loop_add(&d->loop, d->signal_fd, EPOLLIN, signal_ready, d,
                    &d->signal_id) ? -1 : 0;
}

/* Consoles are opened before QEMU is there to use them, and raw. */
static int consoles_init(struct stubdomd *d, struct xs_handle *xs)
{
    d->consoles = xs_directory(xs, XBT_NULL, "device/console",
                               &d->consoles_n);
    consoles_open_serial(d->consoles, d->consoles_n);
    d->qmp_fd = open_console(d, CONSOLE_QMP);
    if (d->qmp_fd >= 0 && loop_add(&d->loop, d->qmp_fd, EPOLLIN, qmp_ready,
                                   d, &d->qmp_id))
        return -1;
    return state_init(&d->state, SAVE_FIFO, open_console(d, CONSOLE_SAVE));
}

static void load_network(void)
{
    boot_load_network(MODULES);
}

static int qemu_init(struct stubdomd *d, struct xs_handle *xs)
{
    struct qemu *qemu = &d->qemu;
    struct state *state = &d->state;

    if (qemu_read_arguments(qemu, xs, hvc_of, d) ||
        state_expect_incoming(state))
        return -1;
    if (has_display(d) && display_set_arguments(&qemu->arguments))
        return -1;
    d->network.load = load_network;
    network_init(&d->network, &d->loop, &qemu->arguments);
    if (arguments_set_incoming(&qemu->arguments, state->incoming)) {
        int tty = open_console(d, CONSOLE_RESTORE);

        if (qemu_start(qemu, state->incoming))
            return -1;
        state_restore(state, tty);
        return 0;
    }
    return qemu_start(qemu, -1);
}

static int load_pci(void)
{
    return boot_load_pci(MODULES);
}

static int start(struct stubdomd *d)
{
    struct xs_handle *xs = xs_open(0), *disks_xs = xs_open(0);

    if (!xs || !disks_xs) {
        log_error("cannot speak to xenstored");
        return -1;
    }
    relay_init(&d->relay);
    d->relay.save_path = SAVE_FIFO;
    d->disks = (struct disks){
        .loop = &d->loop, .sysfs = "/sys/block", .dev = "/dev",
        .uevents = disks_uevents_open(), .connected = a_connected,
        .data = d,
    };
    d->frontends = (struct frontends){ .loop = &d->loop, .xs = disks_xs };
    d->b = (struct monitor){
        .loop = &d->loop, .path = QEMU_MONITOR_B, .fd = -1,
        .connected = b_connected, .readable = b_readable, .data = d,
    };
    d->state = (struct state){
        .loop = &d->loop, .saved = state_saved, .stopped = state_stopped,
        .data = d,
    };
    d->display = (struct display){
        .loop = &d->loop, .socket = DISPLAY_SOCKET, .open = display_console,
        .data = d,
    };
    /* It keeps the connection. */
    d->pci = (struct pci){
        .loop = &d->loop, .mount = true,
        .links = access(PCI_FOUND_BY_QEMU, F_OK) ? "/sys/bus/pci/devices" :
                 NULL,
        .devices = "/sys/devices/pci-0", .load = load_pci, .xs = xs,
    };
    if (loop_init(&d->loop) || signals_open(d) || consoles_init(d, xs) ||
        frontends_start(&d->frontends) ||
        pci_start(&d->pci) || qemu_init(d, xs) ||
        disks_start(&d->disks, QEMU_MONITOR_A))
        return -1;
    /* QEMU listens when its monitor does. */
    if (has_display(d))
        display_start(&d->display);
    return 0;
}

int main(int argc, char **argv)
{
    static struct stubdomd d = { .qmp_fd = -1 };

    log_open("stubdomd", LOG_TO_STDERR, LOG_LEVEL_INFO);
    if (getpid() != 1) {
        fprintf(stderr, "%s: runs as pid 1 of a stubdomain only; see "
                "mkstubdom\n", argc ? argv[0] : "stubdomd");
        return 2;
    }
    boot_mount();
    if (boot_load_modules(IMAGE_MODULES) || boot_mount_image(IMAGE, "/usr") ||
        boot_load_modules(MODULES))
        power_off();
    boot_mount_xenfs();
    d.oom_kills = boot_oom_kills();
    if (start(&d)) {
        log_error("cannot start: %s; powering off", strerror(errno));
        power_off();
    }
    loop_run(&d.loop);
    log_error("the event loop failed: %s", strerror(errno));
    power_off();
}
