/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real display worker in a child process, with the test as everything
 * around it: xenconsoled, stubdomd with its QEMU, which says again what it
 * hears, and viewers.
 */
#ifndef XENQMP_TESTS_UNIT_DISPLAY_FIXTURE_H
#define XENQMP_TESTS_UNIT_DISPLAY_FIXTURE_H

#define DISPLAY_BEGIN_MS begin_ms
#define DISPLAY_WRONG_MS 300
#define DISPLAY_LAST_MS last_ms
#define DISPLAY_LOOK_MS 100
#define DISPLAY_GUESS_GAP_MS guess_gap_ms
#define DISPLAY_RENEW_MS 50
#define DISPLAY_RESET_MS reset_ms

/* So long that nothing is given up for it, nor asked again. */
#define LIMIT_MS 300000

/* Set before begin_with(). */
static int begin_ms = LIMIT_MS, reset_ms = LIMIT_MS, last_ms = LIMIT_MS;
static int guess_gap_ms;

#include "libxl/display/display.c"
#include "libxl/display/viewers.c"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tap.h"

struct qemu {
    bool open;
    bool mean;                  /* gives no credit back */
    int stage;                  /* of its beginning */
    size_t want;
    size_t heard;               /* bytes behind that */
    struct qmp_buf out;         /* said, for want of credit, later */
};

static struct world {
    char dir[32], path[64];
    char socket[64];            /* of viewers, as port is */
    int listener, console;      /* xenconsoled's */
    int port;
    pid_t worker;
    int between[2];             /* [1]: another process is its parent */
    struct link link;           /* stubdomd's end */
    struct qemu qemus[LINK_CHANNELS];
    int ready, opened;
    bool mute;                  /* stubdomd does not answer */
    struct display_counts *counts;
    char log[64];               /* of the worker */
} w;

/* --- stubdomd and QEMU ------------------------------------------------ */

static void qemu_say(unsigned int channel, const void *bytes, size_t n)
{
    check(!qmp_buf_append(&w.qemus[channel].out, bytes, n));
}

static void is_ready(void *data)
{
    (void)data;
    w.ready++;
}

static void has_opened(void *data, unsigned int channel)
{
    (void)data;
    w.opened++;
    w.qemus[channel] = (struct qemu){ .open = true, .want = 12 };
    qmp_buf_init(&w.qemus[channel].out, 64u << 20);
    qemu_say(channel, "RFB 003.008\n", 12);
}

static void has_bytes(void *data, unsigned int channel, const void *bytes,
                      size_t n)
{
    struct qemu *q = &w.qemus[channel];
    const char *from = bytes;

    (void)data;
    if (!q->mean)
        link_taken(&w.link, channel, n);
    while (n && q->stage < 2) {
        n--, from++;
        if (--q->want)
            continue;
        q->want = 1;
        if (q->stage++)
            qemu_say(channel, "\0\0\0\0", 4);
        else
            qemu_say(channel, "\2\2\1", 3);
    }
    q->heard += n;
    qemu_say(channel, from, n);
}

static void has_closed(void *data, unsigned int channel)
{
    (void)data;
    w.qemus[channel].open = false;
}

static const struct link_hooks other_hooks = {
    .ready = is_ready, .opened = has_opened, .bytes = has_bytes,
    .closed = has_closed,
};

static void console_flush_other(void)
{
    for (unsigned int i = 0; i < LINK_CHANNELS; i++) {
        struct qemu *q = &w.qemus[i];
        size_t room;

        while (q->open && q->out.len && (room = link_room(&w.link, i))) {
            size_t n = q->out.len < room ? q->out.len : room;

            link_send(&w.link, i, q->out.data, n);
            qmp_buf_consume(&q->out, n);
        }
    }
    while (w.link.out.len) {
        ssize_t n = send(w.console, w.link.out.data, w.link.out.len,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n <= 0)
            break;
        link_sent(&w.link, (size_t)n);
    }
}

/* Everything goes on until fd is readable, or for so long. */
static bool pump(int fd, int ms)
{
    int64_t end = loop_now_ms() + ms;

    while (loop_now_ms() < end) {
        struct pollfd fds[2] = { { .fd = fd, .events = POLLIN },
                                 { .fd = w.console, .events = POLLIN } };
        char bytes[16384];
        ssize_t n;

        console_flush_other();
        poll(fds, 2, 5);
        if (fds[0].revents)
            return true;
        if (!fds[1].revents || w.mute)
            continue;
        n = recv(w.console, bytes, sizeof(bytes), MSG_DONTWAIT);
        check(n > 0);
        link_input(&w.link, bytes, (size_t)n);
    }
    return false;
}

/* --- xenconsoled ------------------------------------------------------ */

static void console_accept(void)
{
    w.console = accept4(w.listener, NULL, NULL, SOCK_CLOEXEC);
    check(w.console >= 0);
}

/* tls_dir: NULL without TLS. */
static void begin_with(const char *password, const char *tls_dir,
                       bool verify)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    struct sockaddr_in in = { .sin_family = AF_INET };
    socklen_t n = sizeof(in);
    struct display_config config = {
        .child = { .name = "display worker", .parent = getpid(),
                   .guest_domid = 7, .dm_domid = 8, .refused_fd = -1 },
        .console = "/console-8", .listen_n = 2,
    };

    snprintf(w.dir, sizeof(w.dir), "/tmp/xenqmp-display-XXXXXX");
    check(mkdtemp(w.dir));
    snprintf(w.path, sizeof(w.path), "%s/console-8", w.dir);
    strcpy(at.sun_path, w.path);
    w.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(!bind(w.listener, (struct sockaddr *)&at, sizeof(at)));
    check(!listen(w.listener, 4));
    w.counts = mmap(NULL, sizeof(*w.counts), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(w.counts != MAP_FAILED);
    config.counts = w.counts;
    config.child.root = w.dir;
    config.listen_tls[0] = tls_dir;
    config.tls_verify = verify;
    snprintf(config.tls_dir, sizeof(config.tls_dir), "%s",
             tls_dir ? tls_dir : "");
    snprintf(w.log, sizeof(w.log), "%s/log", w.dir);
    strcpy(config.password, password);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    config.listen_fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check(!bind(config.listen_fds[0], (struct sockaddr *)&in, n));
    check(!listen(config.listen_fds[0], 16));
    check(!getsockname(config.listen_fds[0], (struct sockaddr *)&in, &n));
    w.port = ntohs(in.sin_port);
    snprintf(w.socket, sizeof(w.socket), "%s/vnc", w.dir);
    strcpy(at.sun_path, w.socket);
    config.listen_fds[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check(!bind(config.listen_fds[1], (struct sockaddr *)&at, sizeof(at)));
    check(!listen(config.listen_fds[1], 16));
    fflush(stdout);
    w.worker = fork();
    if (!w.worker) {
        pid_t child = 0;

        if (w.between[1]) {
            config.child.parent = getpid();
            child = fork();
        }
        if (child) {
            check(write(w.between[1], &child, sizeof(child)) ==
                  sizeof(child));
            pause();
        }
        check(freopen(w.log, "w", stderr) != NULL);
        setvbuf(stderr, NULL, _IONBF, 0);
        log_open("test", LOG_TO_STDERR, LOG_LEVEL_INFO);
        _exit(display_run(&config));
    }
    close(config.listen_fds[0]);
    close(config.listen_fds[1]);
    console_accept();
    w.link = (struct link){ .hooks = &other_hooks };
    link_init(&w.link);
}

/* Once it has been logged. */
static void check_logged(const char *text)
{
    static char log[65536];

    /* Not as long as a case may take: it has something to say then. */
    int64_t end = loop_now_ms() + 900 * TAP_LIMIT_S;

    do {
        FILE *file = fopen(w.log, "r");

        check(file != NULL);
        log[fread(log, 1, sizeof(log) - 1, file)] = '\0';
        fclose(file);
        if (strstr(log, text))
            return;
        pump(-1, 10);
    } while (loop_now_ms() < end);
    tap_fail("\"%s\" is not in: %s", text, log);
}

static void end(void)
{
    int status;

    check_int(waitpid(w.worker, &status, WNOHANG), 0);
    kill(w.worker, SIGKILL);
    waitpid(w.worker, &status, 0);
    unlink(w.path);
    unlink(w.socket);
    unlink(w.log);
    rmdir(w.dir);
    munmap(w.counts, sizeof(*w.counts));
}

/* --- Viewers ---------------------------------------------------------- */

/* From 127.0.0.host. */
static int viewer_dial_from(uint32_t host)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host);
    check(!bind(fd, (struct sockaddr *)&at, sizeof(at)));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((uint16_t)w.port);
    check(!connect(fd, (struct sockaddr *)&at, sizeof(at)));
    return fd;
}

static int viewer_dial(void)
{
    return viewer_dial_from(1);
}

static void hear(int fd, const char *bytes, size_t n)
{
    char is[256];

    for (size_t got = 0; got < n; ) {
        ssize_t r;

        if (!pump(fd, LIMIT_MS))
            tap_fail("nothing comes");
        r = recv(fd, is + got, n - got, 0);
        if (r <= 0)
            tap_fail("it hung up after %zu of %zu bytes", got, n);
        got += (size_t)r;
        check_mem(is, got, bytes, got);
    }
}
#define HEAR(fd, literal) hear(fd, literal, sizeof(literal) - 1)
#define TELL(fd, literal) \
    check(send(fd, literal, sizeof(literal) - 1, MSG_NOSIGNAL) == \
          sizeof(literal) - 1)

static void hear_end(int fd)
{
    char bytes[4096];
    ssize_t n = 1;

    while (n > 0) {
        check(pump(fd, LIMIT_MS));
        n = recv(fd, bytes, sizeof(bytes), 0);
    }
}

#endif
