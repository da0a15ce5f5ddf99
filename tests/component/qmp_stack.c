/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qmp_stack DIR MONITOR-A MONITOR-B: what lies between a client and QEMU,
 * for tests of peers: stubdomd, which is included here without its pid 1's
 * duties, and qmp-helper's worker, as it is. Between them is a terminal,
 * stubdomd's end raw as it makes hvc, and DIR/console-3, a socket as
 * xenconsoled serves it. MONITOR-A and -B are QEMU's sockets; clients find
 * DIR/qmp.
 *
 * Prints "ready" when clients can connect. Ends with its standard input,
 * which takes words of one letter: "d" closes console 3's socket, as when
 * xenconsoled ends, "s" serves it again, "w" prints "in flight" when QEMU
 * has been given a command that it has not answered.
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

#include "helper_worker.h"

#define PATH_MAX_BYTES 108
#define WORKER_UID     65533
/* What is on its way to one side, at most. */
#define PUMP_MAX       65536

/* In xenconsoled's place. */
struct pump {
    struct loop *loop;
    char path[PATH_MAX_BYTES];
    int listener, reader, tty;          /* -1: none */
    loop_id listener_id, reader_id, tty_id;
    struct qmp_buf to_reader, to_tty;
};

static struct stubdomd stubdomd = { .qmp_fd = -1 };
static struct pump pump = { .listener = -1, .reader = -1 };
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

static void pump_close(int *fd, loop_id *id)
{
    loop_del(pump.loop, id);
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void pump_flush(int fd, struct qmp_buf *buf)
{
    ssize_t n;

    while (fd >= 0 && buf->len &&
           (n = write(fd, buf->data, buf->len)) > 0)
        qmp_buf_consume(buf, (size_t)n);
}

/* Nobody reads: what the guest sends is dropped. */
static void pump_update(void)
{
    if (pump.reader < 0)
        qmp_buf_consume(&pump.to_reader, pump.to_reader.len);
    pump_flush(pump.reader, &pump.to_reader);
    pump_flush(pump.tty, &pump.to_tty);
    loop_mod(pump.loop, pump.reader_id,
             (pump.to_tty.len < PUMP_MAX ? EPOLLIN : 0) |
             (pump.to_reader.len ? EPOLLOUT : 0));
    loop_mod(pump.loop, pump.tty_id,
             (pump.to_reader.len < PUMP_MAX ? EPOLLIN : 0) |
             (pump.to_tty.len ? EPOLLOUT : 0));
}

/* False at the end. */
static bool pump_read(int fd, struct qmp_buf *buf)
{
    char *room = must(qmp_buf_reserve(buf, buf->max - buf->len));
    ssize_t n = read(fd, room, buf->max - buf->len);

    if (n > 0)
        qmp_buf_commit(buf, (size_t)n);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void tty_ready(void *data, uint32_t events)
{
    (void)data;
    if (events & EPOLLIN && !pump_read(pump.tty, &pump.to_reader))
        die("terminal");
    pump_update();
}

static void reader_ready(void *data, uint32_t events)
{
    (void)data;
    if (events & ~(uint32_t)EPOLLOUT &&
        !pump_read(pump.reader, &pump.to_tty))
        pump_close(&pump.reader, &pump.reader_id);
    pump_update();
}

static void listener_ready(void *data, uint32_t events)
{
    (void)data;
    (void)events;
    pump_close(&pump.reader, &pump.reader_id);
    pump.reader = accept4(pump.listener, NULL, NULL,
                          SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (pump.reader < 0 || loop_add(pump.loop, pump.reader, EPOLLIN,
                                    reader_ready, NULL, &pump.reader_id))
        die("console 3");
    pump_update();
}

static void pump_serve(void)
{
    pump.listener = listen_at(pump.path);
    if (loop_add(pump.loop, pump.listener, EPOLLIN, listener_ready, NULL,
                 &pump.listener_id))
        die("loop");
}

static void pump_drop(void)
{
    unlink(pump.path);
    pump_close(&pump.listener, &pump.listener_id);
    pump_close(&pump.reader, &pump.reader_id);
}

/* Returns stubdomd's end of the terminal. */
static int pump_start(struct loop *loop, const char *dir)
{
    struct termios raw;
    int tty;

    pump.loop = loop;
    snprintf(pump.path, sizeof(pump.path), "%s/console-3", dir);
    qmp_buf_init(&pump.to_reader, 2 * PUMP_MAX);
    qmp_buf_init(&pump.to_tty, 2 * PUMP_MAX);
    pump.tty = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pump.tty < 0 || grantpt(pump.tty) || unlockpt(pump.tty))
        die("terminal");
    tty = open(must(ptsname(pump.tty)),
               O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (tty < 0 || tcgetattr(tty, &raw))
        die("terminal");
    cfmakeraw(&raw);
    if (tcsetattr(tty, TCSANOW, &raw) ||
        loop_add(loop, pump.tty, EPOLLIN, tty_ready, NULL, &pump.tty_id))
        die("terminal");
    return tty;
}

/* --- stubdomd and the worker ----------------------------------------- */

static void stubdomd_start(struct stubdomd *d, const char *a, const char *b)
{
    relay_init(&d->relay);
    d->a = (struct monitor){
        .loop = &d->loop, .path = a, .fd = -1, .connected = a_connected,
        .readable = a_readable, .data = d,
    };
    d->b = (struct monitor){
        .loop = &d->loop, .path = b, .fd = -1, .connected = b_connected,
        .readable = b_readable, .data = d,
    };
    if (loop_add(&d->loop, d->qmp_fd, EPOLLIN, qmp_ready, d, &d->qmp_id))
        die("loop");
    monitor_connect(&d->a);
}

static void worker_start(const char *dir)
{
    char clients[PATH_MAX_BYTES];
    struct worker_config config = {
        .parent = getpid(), .guest_domid = 1, .dm_domid = 2, .root = dir,
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
        pump_drop();
    else if (word == 's')
        pump_serve();
    else if (word == 'w')
        tell_flight = true;
}

int main(int argc, char **argv)
{
    struct relay *relay = &stubdomd.relay;
    loop_id id;

    if (argc != 4) {
        fprintf(stderr, "usage: qmp_stack DIR MONITOR-A MONITOR-B\n");
        return 2;
    }
    log_open("qmp_stack", LOG_TO_STDERR, LOG_LEVEL_WARN);
    signal(SIGPIPE, SIG_IGN);
    worker_start(argv[1]);
    if (loop_init(&stubdomd.loop) ||
        loop_add(&stubdomd.loop, STDIN_FILENO, EPOLLIN, stdin_ready, NULL,
                 &id))
        die("loop");
    stubdomd.qmp_fd = pump_start(&stubdomd.loop, argv[1]);
    stubdomd_start(&stubdomd, argv[2], argv[3]);
    pump_serve();
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
