/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests of a real xenconsoled on xensim: ours is in the build's bin,
 * Debian's and its xenstored are in the build's sysroot.
 */
#ifndef XENQMP_TESTS_COMPONENT_COMPONENT_H
#define XENQMP_TESTS_COMPONENT_COMPONENT_H

#include "tap.h"
#include "tests/xensim/guest.h"
#include "tests/xensim/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>

#define COMPONENT __attribute__((unused)) static

/* Of Debian's two; a test sets it before it starts anything. */
COMPONENT const char *xenstored = HOST_XENSTORED;

/* The daemon under test; and which, in the build. */
static pid_t ours;
COMPONENT const char *xenconsoled = "bin/xenconsoled";

COMPONENT const char *in_build(const char *file)
{
    static char paths[4][PATH_MAX];
    static unsigned int next;
    char *path = paths[next++ % 4];
    const char *build = getenv("XENQMP_BUILD");

    snprintf(path, PATH_MAX, "%s/%s", build ? build : ".", file);
    return path;
}

/* What a sanitizer has said of dom0's programs, some of which are started
 * again when they have died. */
COMPONENT void reports_show(void)
{
    FILE *log = fopen("/run/xensim/log", "r");
    char line[512];
    bool found = false;

    while (log && fgets(line, sizeof(line), log)) {
        found |= strstr(line, "Sanitizer") || strstr(line, "runtime error");
        if (found)
            printf("# %s", line);
    }
    if (log)
        fclose(log);
    if (!found)
        return;
    fflush(stdout);
    _exit(1);
}

COMPONENT void start_host(void)
{
    static bool started;
    char path[64];

    snprintf(path, sizeof(path), "sysroot/%s", xenstored);
    if (!started)
        host_start(in_build("tests/xensim/libxensim.so"), in_build(path));
    started = true;
    tap_at_end = tap_on_failure = reports_show;
}

/* option: one more, or NULL. */
COMPONENT void start_ours(const char *option)
{
    const char *const argv[] = { in_build(xenconsoled), "-i", option, NULL };

    start_host();
    ours = host_spawn(argv);
    check(host_wait_file("/run/xen/xenconsoled.sock"));
}

COMPONENT bool ours_ended(void)
{
    return waitpid(ours, NULL, WNOHANG);
}

COMPONENT void kill_ours(void)
{
    host_end(ours);
    unlink("/run/xen/xenconsoled.sock");
}

COMPONENT bool no_tty(void *data)
{
    const struct guest_console *c = data;
    char *tty = guest_read("%s/tty", c->frontend);
    bool r = !tty || !*tty;

    free(tty);
    return r;
}

COMPONENT bool has_tty(void *data)
{
    const struct guest_console *c = data;
    char *tty = guest_read("%s/tty", c->frontend);
    bool r = tty && *tty && !access(tty, F_OK);

    free(tty);
    return r;
}

/* As xl console does: raw. */
COMPONENT int tty_open(struct guest_console *c)
{
    struct termios raw;
    char *tty;
    int fd;

    check(host_wait(has_tty, c));
    tty = guest_read("%s/tty", c->frontend);
    fd = open(tty, O_RDWR | O_NOCTTY);
    if (fd < 0)
        tap_fail("%s: %s", tty, strerror(errno));
    free(tty);
    check(!tcgetattr(fd, &raw));
    cfmakeraw(&raw);
    check(!tcsetattr(fd, TCSANOW, &raw));
    return fd;
}

COMPONENT bool unix_connects(void *data)
{
    struct sockaddr_un *address = data;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool r = !connect(fd, (struct sockaddr *)address, sizeof(*address));

    if (r)
        dup2(fd, 1000);
    close(fd);
    return r;
}

/* Waits for the socket, too. */
COMPONENT int unix_open(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (!host_wait(unix_connects, &address))
        tap_fail("nobody listens at %s", path);
    fd = dup(1000);
    close(1000);
    return fd;
}

COMPONENT bool readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, HOST_WAIT_MS) == 1;
}

/* Exactly these come next. */
COMPONENT void check_reads(int fd, const char *bytes, size_t n)
{
    char is[4096];
    size_t got = 0;

    check(n <= sizeof(is));
    while (got < n && readable(fd)) {
        ssize_t r = read(fd, is + got, n - got);

        if (r <= 0)
            break;
        got += (size_t)r;
    }
    check_mem(is, got, bytes, n);
}

/* The other side closes, maybe after more bytes. */
COMPONENT void check_ends(int fd)
{
    char bytes[256];
    ssize_t n = 1;

    while (n > 0 && readable(fd))
        n = read(fd, bytes, sizeof(bytes));
    check(n <= 0);
}

COMPONENT void put_all(struct guest_console *c, const char *bytes, size_t n)
{
    size_t done = 0;

    while (done < n) {
        size_t now = guest_console_put(c, bytes + done, n - done);

        if (!now)
            check(guest_wait(HOST_WAIT_MS));
        done += now;
    }
}

COMPONENT void check_gets(struct guest_console *c, const char *bytes,
                          size_t n)
{
    char is[4096];
    size_t got = 0;

    while (got < n) {
        size_t now = guest_console_get(c, is + got, n - got);

        if (!now && !guest_wait(HOST_WAIT_MS))
            break;
        got += now;
    }
    check_mem(is, got, bytes, n);
}

COMPONENT bool is_connected(void *data)
{
    return guest_console_is_connected(data);
}

COMPONENT void check_connects(struct guest_console *c)
{
    if (!host_wait(is_connected, c))
        tap_fail("domain %u console %u: not connected", c->domid,
                 c->devid);
}

COMPONENT const char *file_text(const char *path)
{
    static char text[65536];
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* The file of "FILE:TEXT". */
COMPONENT const char *file_of(const char *spec)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof(path), "%.*s", (int)strcspn(spec, ":"), spec);
    return path;
}

/* "FILE:TEXT": that is what the file has. */
COMPONENT bool file_is(void *data)
{
    return !strcmp(file_text(file_of(data)), strchr(data, ':') + 1);
}

/* "FILE:TEXT": it has that among others. */
COMPONENT bool file_has(void *data)
{
    return strstr(file_text(file_of(data)), strchr(data, ':') + 1);
}

/* What dom0's programs have written to their log. */
COMPONENT bool log_has(void *data)
{
    return strstr(file_text("/run/xensim/log"), data);
}

/* A reader: what the guest writes from now on comes to it. */
COMPONENT int unix_attach(struct guest_console *c, const char *path)
{
    int fd = unix_open(path);

    check_int(write(fd, "!", 1), 1);
    check_gets(c, "!", 1);
    return fd;
}

/* One line to a control socket; the last line of the answer. */
COMPONENT void control_ask(int fd, const char *request, char *reply,
                           size_t size)
{
    size_t n = 0;

    check(dprintf(fd, "%s\n", request) > 0);
    for (;;) {
        check(readable(fd));
        if (read(fd, reply + n, 1) != 1)
            break;
        if (reply[n] == '\n') {
            reply[n] = '\0';
            if (!strncmp(reply, "ok", 2) || !strncmp(reply, "error", 5))
                return;
            n = 0;
        } else if (n + 1 < size) {
            n++;
        }
    }
    tap_fail("%s: no answer", request);
}

COMPONENT void check_asks(int fd, const char *request, const char *reply)
{
    char is[256];

    control_ask(fd, request, is, sizeof(is));
    if (strncmp(is, reply, strlen(reply)))
        tap_fail("%s: %s", request, is);
}

#endif
