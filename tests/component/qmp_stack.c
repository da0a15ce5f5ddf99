/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qmp_stack DIR MONITOR-A MONITOR-B [STATE]: what lies between a client and
 * QEMU, for tests of peers: stubdomd, which is included here without its
 * pid 1's duties, terminals (hvc.h), xenconsoled on xensim, as it is
 * installed, and qmp-helper's worker. MONITOR-A and -B are QEMU's sockets;
 * clients find DIR/qmp, those for monitoring (query-*) DIR/monitor. The
 * stubdomain's /sys/block and /dev are DIR/block
 * and DIR/dev, and what is sent to DIR/uevents are the kernel's uevents.
 * QEMU's state is to be written to DIR/qemu-save and comes to
 * DIR/saved/state in dom0. STATE is the file of one to be restored.
 *
 * Prints "ready N" when clients can connect; N is the descriptor for
 * QEMU's -incoming, or -1. Ends with its standard input, which takes words
 * of one letter: "d" kills xenconsoled, "s" starts it again, "r" is the
 * stubdomain's resume, with a new ring, "c" removes console 3 and creates
 * it again, "w" prints "in flight" when QEMU has been given a command that
 * it has not answered, "k" prints "copying" when some of the next saved state
 * has left, and the rest of it stays until the next word, "g" if nothing else
 * is to be done, "q" prints "filled" when as much waits for QEMU as is kept,
 * "x" has a byte of somebody else's between those of a state, "i" says that
 * QEMU has the incoming state's descriptor, "f" fills dom0's disk, "e" empties
 * it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tools/stubdom/pci.h"

/* There is no xenstore. */
#define pci_catch_up(pci) ((void)(pci))
/* Never called, and above all not with this. */
int stubdomd_main(int argc, char **argv);
#define main stubdomd_main
#define reboot(how) abort()
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wreturn-type"
#include "tools/stubdom/stubdomd.c"
#pragma GCC diagnostic pop
#undef reboot
#undef main
#undef pci_catch_up

#include "tests/xensim/host.h"
#include "libxl/worker/worker.h"
#include "hvc.h"

#define PATH_MAX_BYTES 108
#define WORKER_UID     65533
#define DM_DOMID       2

static struct stubdomd stubdomd = { .qmp_fd = -1 };
static const char *build, *dir;
static int restore_tty = -1;
static pid_t xenconsoled;
static bool tell_flight, tell_copy, tell_filled, stray, stopping;

__attribute__((noreturn)) static void die(const char *what)
{
    fprintf(stderr, "qmp_stack: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
        chmod(path, 0666) || listen(fd, 64))
        die(path);
    return fd;
}

/* --- dom0 and the consoles ------------------------------------------- */

static void xenconsoled_start(void)
{
    static char path[4096];
    const char *const argv[] = { path, "-i", NULL };

    snprintf(path, sizeof(path), "%s/bin/xenconsoled", build);
    xenconsoled = host_spawn(argv);
}

static void dom0_start(void)
{
    char preload[4096], xenstored[4096];

    snprintf(preload, sizeof(preload), "%s/tests/xensim/libxensim.so",
             build);
    snprintf(xenstored, sizeof(xenstored), "%s/sysroot/%s", build,
             HOST_XENSTORED);
    host_start(preload, xenstored);
}

/* As libxl and qmp-helper have them. restore: a file, or NULL. */
static void consoles_start(struct stubdomd *d, const char *restore)
{
    char output[PATH_MAX_BYTES + 32], fifo[PATH_MAX_BYTES];
    int tty;

    hvc_init(&d->loop, DM_DOMID);
    snprintf(output, sizeof(output), "unix:%s/console-3,uid=%d", dir,
             geteuid() ? 0 : WORKER_UID);
    d->qmp_fd = hvc_add(CONSOLE_QMP, output, NULL);
    snprintf(output, sizeof(output), "file:%s/saved/state", dir);
    tty = hvc_add(CONSOLE_SAVE, output, "save");
    snprintf(fifo, sizeof(fifo), "%s/qemu-save", dir);
    unlink(fifo);
    d->state = (struct state){
        .loop = &d->loop, .saved = state_saved, .stopped = state_stopped,
        .data = d,
    };
    if (state_init(&d->state, fifo, tty))
        die(fifo);
    if (!restore)
        return;
    snprintf(output, sizeof(output), "pipe:%s", restore);
    restore_tty = hvc_add(CONSOLE_RESTORE, output, NULL);
    if (state_expect_incoming(&d->state))
        die("pipe");
}

/* dom0's disk for states is full, and not any more. */
static void disk_fill(bool full)
{
    char saved[PATH_MAX_BYTES];

    snprintf(saved, sizeof(saved), "%s/saved", dir);
    if (full ? mount("full", saved, "tmpfs", 0, "size=64k") :
        umount2(saved, MNT_DETACH))
        die(saved);
}

/* --- stubdomd and the worker ----------------------------------------- */

/* In the place of the kernel's netlink: DIR/uevents takes datagrams. */
static int uevents_open(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/uevents", dir);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
        die(address.sun_path);
    return fd;
}

static void stubdomd_start(struct stubdomd *d, const char *a, const char *b)
{
    static char sysfs[PATH_MAX_BYTES], dev[PATH_MAX_BYTES],
        fifo[PATH_MAX_BYTES];

    snprintf(sysfs, sizeof(sysfs), "%s/block", dir);
    snprintf(dev, sizeof(dev), "%s/dev", dir);
    snprintf(fifo, sizeof(fifo), "%s/qemu-save", dir);
    relay_init(&d->relay);
    d->relay.save_path = fifo;
    d->disks = (struct disks){
        .loop = &d->loop, .sysfs = sysfs, .dev = dev,
        .uevents = uevents_open(), .connected = a_connected, .data = d,
    };
    d->b = (struct monitor){
        .loop = &d->loop, .path = b, .fd = -1, .connected = b_connected,
        .readable = b_readable, .data = d,
    };
    if (loop_add(&d->loop, d->qmp_fd, EPOLLIN, qmp_ready, d, &d->qmp_id))
        die("loop");
    if (disks_start(&d->disks, a))
        die("disks");
}

static void worker_start(void)
{
    char clients[PATH_MAX_BYTES], monitors[PATH_MAX_BYTES];
    struct worker_config config = {
        .child = {
            .name = "QMP worker", .parent = getpid(),
            .guest_domid = 1, .dm_domid = DM_DOMID, .root = dir,
            .uid = WORKER_UID, .gid = WORKER_UID, .sandbox = !geteuid(),
        },
        .console = "/console-3", .toolstack_fd = -1,
    };

    snprintf(clients, sizeof(clients), "%s/qmp", dir);
    config.listen_fd = listen_at(clients);
    snprintf(monitors, sizeof(monitors), "%s/monitor", dir);
    config.sockets[config.sockets_n++] = (struct worker_socket){
        .fd = listen_at(monitors), .use = WORKER_FOR_MONITORING,
        .commands = "query-*",
    };
    switch (fork()) {
    case -1:
        die("fork");
    case 0:
        _exit(worker_run(&config));
    }
    close(config.listen_fd);
    close(config.sockets[0].fd);
}

static void stdin_ready(void *data, uint32_t events)
{
    char word;

    (void)data;
    (void)events;
    if (read(STDIN_FILENO, &word, 1) != 1)
        word = '\0';
    switch (word) {
    case '\0':
        stopping = true;
        break;
    case 'd':
        host_end(xenconsoled);
        break;
    case 's':
        xenconsoled_start();
        break;
    case 'r':
        hvc_renew(CONSOLE_QMP);
        break;
    case 'c':
        hvc_recreate(CONSOLE_QMP);
        break;
    case 'w':
        tell_flight = true;
        break;
    case 'k':
        tell_copy = true;
        hvc_hold(CONSOLE_SAVE);
        return;
    case 'q':
        tell_filled = true;
        break;
    case 'x':
        stray = true;
        break;
    case 'i':
        state_restore(&stubdomd.state, restore_tty);
        break;
    case 'f':
    case 'e':
        disk_fill(word == 'f');
    }
    hvc_go_on(CONSOLE_SAVE);
}

/* What is waited for has come. */
static void tell(bool *wanted, bool is, const char *what)
{
    if (!*wanted || !is)
        return;
    *wanted = false;
    printf("%s\n", what);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct relay *relay = &stubdomd.relay;
    loop_id id;

    build = getenv("XENQMP_BUILD");
    if (argc < 4 || argc > 5 || !build) {
        fprintf(stderr, "usage: qmp_stack DIR MONITOR-A MONITOR-B [STATE]\n");
        return 2;
    }
    dir = argv[1];
    log_open("qmp_stack", LOG_TO_STDERR, LOG_LEVEL_WARN);
    signal(SIGPIPE, SIG_IGN);
    worker_start();             /* outside, with the rights that we have */
    if (loop_init(&stubdomd.loop) ||
        loop_add(&stubdomd.loop, STDIN_FILENO, EPOLLIN, stdin_ready, NULL,
                 &id))
        die("loop");
    dom0_start();
    consoles_start(&stubdomd, argv[4]);
    xenconsoled_start();
    stubdomd_start(&stubdomd, argv[2], argv[3]);
    printf("ready %d\n", stubdomd.state.incoming);
    fflush(stdout);
    while (!stopping && !loop_run_once(&stubdomd.loop, -1)) {
        tell(&tell_flight, relay->flight_n && !relay->to_qemu.len,
             "in flight");
        tell(&tell_copy, hvc_is_held(CONSOLE_SAVE), "copying");
        tell(&tell_filled, relay->to_qemu.len >= RELAY_EVENTS_MAX,
             "filled");
        if (stray)
            stray = write(stubdomd.state.save_tty, "x", 1) != 1;
    }
    return 0;
}
