/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qmp_latency PATH TURNS [CLIENTS]: how long QMP commands take at a UNIX
 * socket, in dom0, as libxl would send them. Nothing here is xenqmp's code:
 * the same program measures the stock set-up.
 *
 * Without CLIENTS: TURNS query-status on one open connection, then TURNS / 5
 * times connect, negotiate, query-status, close, then TURNS / 20 times a
 * reply of about 1 MB; one line each:
 *   <what> <p50> <p99>      in microseconds
 * With CLIENTS: that many processes at once, TURNS seconds long from when
 * all of them are connected:
 *   clients <n> <commands/s> <max/min per client>
 * Every answer is looked at. Exit 1 at the first wrong one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct connection {
    int fd;
    size_t n, scanned;          /* no end of a line before that */
    char line[2 << 20];
};

static void fail(const char *what)
{
    fprintf(stderr, "qmp_latency: %s\n", what);
    exit(1);
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Reads lines until one holds text; an error in between is a failure. */
static void expect(struct connection *c, const char *text)
{
    for (;;) {
        char *end = memchr(c->line + c->scanned, '\n', c->n - c->scanned);
        ssize_t got;

        if (end) {
            size_t n = (size_t)(end + 1 - c->line);
            char *found;

            *end = '\0';
            found = strstr(c->line, text);
            if (strstr(c->line, "\"error\""))
                fail(c->line);
            memmove(c->line, c->line + n, c->n - n);
            c->n -= n;
            c->scanned = 0;
            if (found)
                return;
            continue;
        }
        c->scanned = c->n;
        got = read(c->fd, c->line + c->n, sizeof(c->line) - c->n);
        if (got <= 0)
            fail("the connection was lost");
        c->n += (size_t)got;
    }
}

static void say(struct connection *c, const char *text)
{
    if (write(c->fd, text, strlen(text)) != (ssize_t)strlen(text))
        fail("cannot write");
}

static void open_session(struct connection *c, const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct timeval limit = { .tv_sec = 30 };

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    c->n = c->scanned = 0;
    c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)))
        fail("cannot connect");
    expect(c, "\"QMP\"");
    say(c, "{\"execute\":\"qmp_capabilities\",\"id\":1}\r\n");
    expect(c, "\"return\"");
}

static void query(struct connection *c)
{
    say(c, "{\"execute\":\"query-status\",\"id\":2}\r\n");
    expect(c, "\"status\": \"");
}

/* A dump of the guest's memory: most of what it says is hexadecimal. */
static void query_much(struct connection *c)
{
    say(c, "{\"execute\":\"human-monitor-command\",\"arguments\":"
           "{\"command-line\":\"xp /180000xb 0\"},\"id\":3}\r\n");
    expect(c, "000000000002bf18: ");
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void report(const char *what, double *us, int n)
{
    qsort(us, (size_t)n, sizeof(*us), compare);
    printf("%s %.0f %.0f\n", what, us[n / 2], us[n * 99 / 100]);
}

static void latencies(const char *path, int turns)
{
    struct connection *c = malloc(sizeof(*c));
    double *us = calloc((size_t)turns, sizeof(*us));

    if (!c || !us)
        fail("out of memory");
    open_session(c, path);
    for (int i = 0; i < turns; i++) {
        double began = now_us();

        query(c);
        us[i] = now_us() - began;
    }
    close(c->fd);
    report("command", us, turns);
    turns /= 5;
    for (int i = 0; i < turns; i++) {
        double began = now_us();

        open_session(c, path);
        query(c);
        close(c->fd);
        us[i] = now_us() - began;
    }
    report("connection", us, turns);
    turns /= 4;
    open_session(c, path);
    for (int i = 0; i < turns; i++) {
        double began = now_us();

        query_much(c);
        us[i] = now_us() - began;
    }
    close(c->fd);
    report("megabyte", us, turns);
}

/* One of many: says that it is connected by a byte to ready, starts at the
 * end of start. */
static void client(const char *path, int seconds, int ready, int start,
                   unsigned long *count)
{
    struct connection *c = malloc(sizeof(*c));
    double until;
    char byte = 0;

    if (!c)
        fail("out of memory");
    open_session(c, path);
    if (write(ready, &byte, 1) != 1 || read(start, &byte, 1) != 0)
        fail("no start");
    until = now_us() + seconds * 1e6;
    while (now_us() < until) {
        query(c);
        ++*count;
    }
    exit(0);
}

static void throughput(const char *path, int seconds, int clients)
{
    unsigned long *counts = mmap(NULL, sizeof(*counts) * (size_t)clients,
                                 PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned long sum = 0, least = ~0ul, most = 0;
    int ready[2], start[2], status;
    char byte;

    if (counts == MAP_FAILED || pipe(ready) || pipe(start))
        fail("out of memory or descriptors");
    for (int i = 0; i < clients; i++) {
        pid_t pid = fork();

        if (pid < 0)
            fail("cannot fork");
        if (!pid) {
            close(ready[0]);
            close(start[1]);
            client(path, seconds, ready[1], start[0], &counts[i]);
        }
    }
    close(ready[1]);
    /* The end comes early if one of them didn't get that far. */
    for (int i = 0; i < clients; i++)
        if (read(ready[0], &byte, 1) != 1)
            fail("a client did not connect");
    close(start[1]);
    while (wait(&status) > 0)
        if (status)
            fail("a client failed");
    for (int i = 0; i < clients; i++) {
        sum += counts[i];
        least = counts[i] < least ? counts[i] : least;
        most = counts[i] > most ? counts[i] : most;
    }
    printf("clients %d %.1f %.2f\n", clients, (double)sum / seconds,
           least ? (double)most / (double)least : 0.0);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "Usage: qmp_latency PATH TURNS [CLIENTS]\n");
        return 2;
    }
    if (argc == 3)
        latencies(argv[1], atoi(argv[2]));
    else
        throughput(argv[1], atoi(argv[2]), atoi(argv[3]));
    return 0;
}
