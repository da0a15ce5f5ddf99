/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * display: what a viewer's bytes lose by their frames, on xensim: through
 * xenqmp's xenconsoled to a socket as they are, and as a channel of a display
 * (libxl/link). In one run, medians of ROUNDS, every byte looked at.
 */
#include "bench.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "libxl/link/link.h"

#define ROUNDS  5
#define MB      (1u << 20)
#define SIZE    (32 * MB)
#define SOCKET  "/run/console-8"
#define PATTERN 65521           /* a prime: each frame is another */

static char pattern[PATTERN];

static struct guest_console serve(void)
{
    struct guest_console c;

    start_host();
    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 3, "unix:" SOCKET);
    guest_console_publish(&c);
    check_connects(&c);
    return c;
}

static int dial(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = SOCKET };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    for (int i = 0; connect(fd, (struct sockaddr *)&at, sizeof(at)); i++) {
        if (i > 1000)
            _exit(1);
        usleep(10000);
    }
    return fd;
}

static size_t got;

static void look(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != pattern[(got + i) % PATTERN])
            _exit(1);
    got += n;
}

/* --- In dom0 ---------------------------------------------------------- */

static void read_bare(void)
{
    static char bytes[65536];
    int fd = dial();

    /* What comes before somebody reads is nobody's. */
    if (write(fd, "!", 1) != 1)
        _exit(1);
    while (got < SIZE) {
        ssize_t n = read(fd, bytes, sizeof(bytes));

        if (n <= 0)
            _exit(1);
        look(bytes, (size_t)n);
    }
    _exit(0);
}

static void is_ready(void *data)
{
    if (link_open(data) != 0)
        _exit(1);
}

static void has_bytes(void *data, unsigned int channel, const void *bytes,
                      size_t n)
{
    look(bytes, n);
    link_taken(data, channel, n);
}

static void read_framed(void)
{
    static const struct link_hooks hooks = {
        .ready = is_ready, .bytes = has_bytes,
    };
    static struct link link = { .master = true, .hooks = &hooks };
    static char bytes[65536];
    int fd = dial();

    link.data = &link;
    link_init(&link);
    link_reset(&link, (const uint8_t *)"a nonce.");
    while (got < SIZE) {
        ssize_t n;

        while (link.out.len) {
            n = write(fd, link.out.data, link.out.len);
            if (n <= 0)
                _exit(1);
            link_sent(&link, (size_t)n);
        }
        n = read(fd, bytes, sizeof(bytes));
        if (n <= 0)
            _exit(1);
        link_input(&link, bytes, (size_t)n);
    }
    _exit(0);
}

/* --- In the stubdomain ------------------------------------------------ */

static void write_bare(struct guest_console *c)
{
    char byte;

    while (!guest_console_get(c, &byte, 1))
        check(guest_wait(HOST_WAIT_MS));
    for (size_t sent = 0; sent < SIZE; ) {
        size_t at = sent % PATTERN, most = SIZE - sent;
        size_t n = guest_console_put(c, pattern + at, PATTERN - at < most ?
                                     PATTERN - at : most);

        if (!n)
            check(guest_wait(HOST_WAIT_MS));
        sent += n;
    }
}

static bool opened;

static void has_opened(void *data, unsigned int channel)
{
    (void)data;
    check_int(channel, 0);
    opened = true;
}

static void write_framed(struct guest_console *c)
{
    static const struct link_hooks hooks = { .opened = has_opened };
    struct link link = { .hooks = &hooks };
    char bytes[2048];
    size_t sent = 0;

    opened = false;
    link_init(&link);
    while (sent < SIZE || link.out.len) {
        size_t n = guest_console_get(c, bytes, sizeof(bytes)), room;
        bool idle = !n;

        link_input(&link, bytes, n);
        while (opened && sent < SIZE && (room = link_room(&link, 0))) {
            size_t at = sent % PATTERN, most = SIZE - sent;

            most = most < room ? most : room;
            n = PATTERN - at < most ? PATTERN - at : most;
            link_send(&link, 0, pattern + at, n);
            sent += n;
        }
        n = link.out.len ? guest_console_put(c, link.out.data,
                                             link.out.len) : 0;
        link_sent(&link, n);
        if (idle && !n)
            check(guest_wait(HOST_WAIT_MS));
    }
    link_dispose(&link);
}

static double rate(bool framed)
{
    struct guest_console c = serve();
    double start;
    int status;
    pid_t reader = fork();

    if (!reader)
        (framed ? read_framed : read_bare)();
    start = now_s();
    (framed ? write_framed : write_bare)(&c);
    check_int(waitpid(reader, &status, 0), reader);
    check_int(status, 0);
    return SIZE / (now_s() - start) / MB;
}

/* Each in a process of its own, as a test is. */
static double measure(bool framed)
{
    int ends[2], status;
    double r = 0;
    pid_t pid;

    check(!pipe(ends));
    pid = fork();
    if (!pid) {
        r = rate(framed);
        check_int(write(ends[1], &r, sizeof(r)), sizeof(r));
        host_stop();
        _exit(0);
    }
    close(ends[1]);
    check_int(read(ends[0], &r, sizeof(r)), sizeof(r));
    check_int(waitpid(pid, &status, 0), pid);
    close(ends[0]);
    return r;
}

int main(void)
{
    double bare[ROUNDS], framed[ROUNDS];

    for (size_t i = 0; i < PATTERN; i++)
        pattern[i] = (char)(i * 131 / 7);
    for (int i = 0; i < ROUNDS; i++) {
        bare[i] = measure(false);
        framed[i] = measure(true);
    }
    printf("a display's bytes, guest to dom0: %.0f MB/s, the console alone "
           "%.0f MB/s, display / console %.2f\n",
           quantile(framed, ROUNDS, 0.5), quantile(bare, ROUNDS, 0.5),
           quantile(framed, ROUNDS, 0.5) / quantile(bare, ROUNDS, 0.5));
    return 0;
}
