/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qmp_stack DIR MONITOR-A MONITOR-B: what lies between a client and QEMU,
 * for tests of peers: stubdomd, which is included here without its pid 1's
 * duties, xenconsoled on xensim, as it is installed, and qmp-helper's
 * worker. Between stubdomd and the ring of console 3 is a terminal, as hvc
 * is one. MONITOR-A and -B are QEMU's sockets; clients find DIR/qmp. The
 * stubdomain's /sys/block and /dev are DIR/block and DIR/dev, and what is
 * sent to DIR/uevents are the kernel's uevents.
 *
 * Prints "ready" when clients can connect. Ends with its standard input,
 * which takes words of one letter: "d" kills xenconsoled, "s" starts it
 * again, "r" is the stubdomain's resume, with a new ring, "c" removes the
 * console and creates it again, "w" prints "in flight" when QEMU has been
 * given a command that it has not answered.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>

/* Never called, and above all not with this. */
int stubdomd_main(int argc, char **argv);
#define main stubdomd_main
#define reboot(how) abort()
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wreturn-type"
#include "../../tools/stubdom/stubdomd.c"
#pragma GCC diagnostic pop
#undef reboot
#undef main

#include "../xensim/guest.h"
#include "../xensim/host.h"
#include "helper_worker.h"

#define PATH_MAX_BYTES 108
#define WORKER_UID     65533
#define DM_DOMID       2
/* What is on its way to one side, nearly. */
#define HVC_MAX        8192

/* In the place of the stubdomain's kernel. */
struct hvc {
    struct loop *loop;
    struct guest_console console;
    char output[PATH_MAX_BYTES + 32];
    int tty;
    loop_id tty_id, ring_id;
    struct qmp_buf to_ring, to_tty;
};

static struct stubdomd stubdomd = { .qmp_fd = -1 };
static struct hvc hvc;
static pid_t xenconsoled;
static bool tell_flight, stopping;

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

static void *must(void *memory)
{
    if (!memory)
        die("memory");
    return memory;
}

/* --- The console ----------------------------------------------------- */

static void hvc_update(void)
{
    char *room = must(qmp_buf_reserve(&hvc.to_tty, HVC_MAX));
    ssize_t n;

    if (hvc.to_tty.len < HVC_MAX)
        qmp_buf_commit(&hvc.to_tty,
                       guest_console_get(&hvc.console, room, HVC_MAX));
    while (hvc.to_tty.len &&
           (n = write(hvc.tty, hvc.to_tty.data, hvc.to_tty.len)) > 0)
        qmp_buf_consume(&hvc.to_tty, (size_t)n);
    qmp_buf_consume(&hvc.to_ring,
                    guest_console_put(&hvc.console, hvc.to_ring.data,
                                      hvc.to_ring.len));
    loop_mod(hvc.loop, hvc.tty_id,
             (hvc.to_ring.len < HVC_MAX ? EPOLLIN : 0) |
             (hvc.to_tty.len ? EPOLLOUT : 0));
}

static void tty_ready(void *data, uint32_t events)
{
    char *room = must(qmp_buf_reserve(&hvc.to_ring, HVC_MAX));
    ssize_t n;

    (void)data;
    if (events & EPOLLIN) {
        n = read(hvc.tty, room, HVC_MAX);
        if (n > 0)
            qmp_buf_commit(&hvc.to_ring, (size_t)n);
        else if (errno != EAGAIN && errno != EINTR)
            die("terminal");
    }
    hvc_update();
}

static void ring_ready(void *data, uint32_t events)
{
    (void)data;
    (void)events;
    guest_wait(0);
    hvc_update();
}

static void console_create(void)
{
    hvc.console = guest_console_add(DM_DOMID, 3, hvc.output);
    guest_console_publish(&hvc.console);
}

static void xenconsoled_start(void)
{
    static char path[4096];
    const char *const argv[] = { path, "-i", NULL };

    snprintf(path, sizeof(path), "%s/bin/xenconsoled",
             (char *)must(getenv("XENQMP_BUILD")));
    xenconsoled = host_spawn(argv);
}

static int hvc_open_tty(void)
{
    struct termios raw;
    int tty;

    hvc.tty = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (hvc.tty < 0 || grantpt(hvc.tty) || unlockpt(hvc.tty))
        die("terminal");
    tty = open(must(ptsname(hvc.tty)),
               O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (tty < 0 || tcgetattr(tty, &raw))
        die("terminal");
    cfmakeraw(&raw);
    if (tcsetattr(tty, TCSANOW, &raw))
        die("terminal");
    return tty;
}

/* Returns stubdomd's end of the terminal. */
static int hvc_start(struct loop *loop, const char *dir, bool root)
{
    char *output = hvc.output, preload[4096], xenstored[4096];
    const char *build = must(getenv("XENQMP_BUILD"));
    int tty = hvc_open_tty();

    snprintf(preload, sizeof(preload), "%s/tests/xensim/libxensim.so",
             build);
    snprintf(xenstored, sizeof(xenstored), "%s/sysroot/%s", build,
             HOST_XENSTORED);
    snprintf(output, sizeof(hvc.output), "unix:%s/console-3,uid=%d", dir,
             root ? WORKER_UID : 0);
    host_start(preload, xenstored);
    guest_create(DM_DOMID);
    console_create();
    xenconsoled_start();

    hvc.loop = loop;
    qmp_buf_init(&hvc.to_ring, 4 * HVC_MAX);
    qmp_buf_init(&hvc.to_tty, 4 * HVC_MAX);
    if (loop_add(loop, hvc.tty, EPOLLIN, tty_ready, NULL, &hvc.tty_id) ||
        loop_add(loop, guest_fd(), EPOLLIN, ring_ready, NULL,
                 &hvc.ring_id))
        die("loop");
    return tty;
}

/* --- stubdomd and the worker ----------------------------------------- */

/* In the place of the kernel's netlink: DIR/uevents takes datagrams. */
static int uevents_open(const char *dir)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/uevents", dir);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
        die(address.sun_path);
    return fd;
}

static void stubdomd_start(struct stubdomd *d, const char *dir,
                           const char *a, const char *b)
{
    static char sysfs[PATH_MAX_BYTES], dev[PATH_MAX_BYTES];

    snprintf(sysfs, sizeof(sysfs), "%s/block", dir);
    snprintf(dev, sizeof(dev), "%s/dev", dir);
    relay_init(&d->relay);
    d->disks = (struct disks){
        .loop = &d->loop, .sysfs = sysfs, .dev = dev,
        .uevents = uevents_open(dir), .connected = a_connected, .data = d,
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

static void worker_start(const char *dir)
{
    char clients[PATH_MAX_BYTES];
    struct worker_config config = {
        .parent = getpid(), .guest_domid = 1, .dm_domid = DM_DOMID, .root = dir,
        .console = "/console-3", .toolstack_fd = -1, .uid = WORKER_UID,
        .gid = WORKER_UID, .sandbox = !geteuid(),
    };

    snprintf(clients, sizeof(clients), "%s/qmp", dir);
    config.listen_fd = listen_at(clients);
    switch (fork()) {
    case -1:
        die("fork");
    case 0:
        _exit(worker_run(&config));
    }
    close(config.listen_fd);
}

static void stdin_ready(void *data, uint32_t events)
{
    char word;

    (void)data;
    (void)events;
    if (read(STDIN_FILENO, &word, 1) != 1)
        stopping = true;
    else if (word == 'd')
        host_end(xenconsoled);
    else if (word == 's')
        xenconsoled_start();
    else if (word == 'r')
        guest_console_publish(&hvc.console);
    else if (word == 'c') {
        guest_console_remove(&hvc.console);
        console_create();
    } else if (word == 'w')
        tell_flight = true;
}

int main(int argc, char **argv)
{
    struct relay *relay = &stubdomd.relay;
    bool root = !geteuid();
    loop_id id;

    if (argc != 4) {
        fprintf(stderr, "usage: qmp_stack DIR MONITOR-A MONITOR-B\n");
        return 2;
    }
    log_open("qmp_stack", LOG_TO_STDERR, LOG_LEVEL_WARN);
    signal(SIGPIPE, SIG_IGN);
    worker_start(argv[1]);      /* outside, with the rights that we have */
    if (loop_init(&stubdomd.loop) ||
        loop_add(&stubdomd.loop, STDIN_FILENO, EPOLLIN, stdin_ready, NULL,
                 &id))
        die("loop");
    stubdomd.qmp_fd = hvc_start(&stubdomd.loop, argv[1], root);
    stubdomd_start(&stubdomd, argv[1], argv[2], argv[3]);
    printf("ready\n");
    fflush(stdout);
    while (!stopping && !loop_run_once(&stubdomd.loop, -1)) {
        if (!tell_flight || !relay->flight_n || relay->to_qemu.len)
            continue;
        tell_flight = false;
        printf("in flight\n");
        fflush(stdout);
    }
    return 0;
}
