/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp screenshot: what a guest's display shows, as a file. It is a viewer
 * like any other, at the display's socket, which takes no TLS.
 */
#include "config.h"
#include "domid.h"
#include "replace.h"
#include "tools/common/log.h"
#include "tools/common/loop.h"
#include "tools/screenshot/screenshot.h"
#include "xl_qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenstore.h>

/* Tests have others. */
#ifndef PROGRAM
#define PROGRAM XENQMP_LIBEXECDIR "/screenshot"
#endif
/* Of the guest's number; the helper makes it. */
#ifndef SOCKET
#define SOCKET  "/run/xenqmp/vnc-%u"
#endif
#define CONNECT_LIMIT_S 5
/* Its program takes a stubdomain's bytes, and may be in its hands. */
#define PICTURE_MAX (256u << 20)

static char *console_read(struct xs_handle *xs, uint32_t domid,
                          const char *key)
{
    char path[128];
    unsigned int n;

    snprintf(path, sizeof(path), "/local/domain/%u/console/%s", domid, key);
    return xs_read(xs, XBT_NULL, path, &n);
}

/* Who listens may be in a viewer's hands, and take nobody. */
static int dial(int family, const struct sockaddr *at, socklen_t n)
{
    static const struct timeval limit = { .tv_sec = CONNECT_LIMIT_S };
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), saved;

    if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
                               sizeof(limit)) && !connect(fd, at, n))
        return fd;
    saved = errno == EAGAIN || errno == EINPROGRESS ? ETIMEDOUT : errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}

/* Where there is no such socket, its QEMU may be in dom0. */
static int dial_port(const char *listen, const char *port)
{
    static const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
        .ai_socktype = SOCK_STREAM,
    };
    /* Addresses that mean all of the host's. */
    const char *host = !listen || !strcmp(listen, "0.0.0.0") ? "127.0.0.1" :
                       !strcmp(listen, "::") ? "::1" : listen;
    struct addrinfo *at;
    int fd = -1;

    if (!getaddrinfo(host, port, &hints, &at)) {
        fd = dial(at->ai_family, at->ai_addr, at->ai_addrlen);
        freeaddrinfo(at);
    }
    return fd;
}

static int dial_display(uint32_t domid, const char *listen, const char *port)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd;

    snprintf(at.sun_path, sizeof(at.sun_path), SOCKET, domid);
    fd = dial(AF_UNIX, (struct sockaddr *)&at, sizeof(at));
    return fd < 0 && errno == ENOENT && port ? dial_port(listen, port) : fd;
}

struct display {
    const char *name;           /* the guest's, as it was given */
    uint32_t domid;
    char *listen, *port, *password;
};

static void display_dispose(struct display *display)
{
    free(display->listen);
    free(display->port);
    free(display->password);
}

/* -1: complained. */
static int display_find(struct display *display)
{
    struct host host = { .logger = NULL };
    struct xs_handle *xs;
    int r = domid_find(&host, display->name, &display->domid);

    host_dispose(&host);
    if (r)
        return -1;
    xs = xs_open(0);
    if (!xs) {
        log_error("cannot speak to xenstored; run this as root in dom0");
        return -1;
    }
    display->listen = console_read(xs, display->domid, "vnc-listen");
    display->port = console_read(xs, display->domid, "vnc-port");
    display->password = console_read(xs, display->domid, "vnc-pass");
    xs_close(xs);
    return 0;
}

/* A descriptor; -1: complained. */
static int display_connect(const struct display *display)
{
    int fd = dial_display(display->domid, display->listen, display->port);

    if (fd < 0 && errno == ENOENT)
        log_error("domain %u (%s) has no display: vnc=1 in its configuration "
                  "gives it one", display->domid, display->name);
    else if (fd < 0)
        log_error("domain %u (%s): cannot connect to its display: %s",
                  display->domid, display->name, strerror(errno));
    return fd;
}

/* --- Its program ------------------------------------------------------ */

/* It has nothing of ours but these ends of pipes: not our terminal either. */
struct child {
    pid_t pid;
    int pidfd, out, err;
};

/* In the child. */
static void run(int display, const char *format, int seconds, int in, int out,
                int err)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", seconds);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    /* It may be there already, and then stays not to be inherited. */
    if (display == SCREENSHOT_FD)
        fcntl(display, F_SETFD, 0);
    else
        dup2(display, SCREENSHOT_FD);
    closefrom(SCREENSHOT_FD + 1);
    execl(PROGRAM, PROGRAM, format, text, (char *)NULL);
    log_error("cannot run " PROGRAM ": %s; install xenqmp as a whole",
              strerror(errno));
    _exit(1);
}

/* -1: complained. */
static int child_start(struct child *child, int display, const char *password,
                       const char *format, int seconds)
{
    int in[2], out[2], err[2];

    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ||
        pipe2(err, O_CLOEXEC)) {
        log_error("screenshot: %s", strerror(errno));
        return -1;
    }
    /* A pipe holds it. */
    dprintf(in[1], "%s\n", password ? password : "");
    child->pid = fork();
    if (!child->pid)
        run(display, format, seconds, in[0], out[1], err[1]);
    close(in[0]);
    close(in[1]);
    close(out[1]);
    close(err[1]);
    child->out = out[0];
    child->err = err[0];
    child->pidfd = child->pid < 0 ? -1 : pidfd_open(child->pid, 0);
    if (child->pidfd >= 0)
        return 0;
    log_error("screenshot: %s", strerror(errno));
    return -1;
}

/* False: not before the time is up. */
static bool is_readable(int fd, int64_t end)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int r;

    do {
        int64_t left = end - loop_now_ms();

        r = poll(&p, 1, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);
    } while (r < 0 && errno == EINTR);
    return r > 0;
}

/* All that it writes, and its end; else why not. */
static const char *child_read(const struct child *child, int64_t end,
                              FILE *picture)
{
    static const char late[] = "no whole picture of its display came in time; "
                               "look at it with a viewer, or wait longer with "
                               "-t";
    static char chunk[65536];
    ssize_t n = 1;

    for (size_t all = 0; n > 0; all += (size_t)n) {
        if (all > PICTURE_MAX)
            return "what came of its display is larger than any picture";
        if (!is_readable(child->out, end))
            return late;
        n = read(child->out, chunk, sizeof(chunk));
        if (n > 0)
            fwrite(chunk, 1, (size_t)n, picture);
    }
    return is_readable(child->pidfd, end) ? NULL : late;
}

/* The line in which it says why. It may be in a stubdomain's hands. */
static void child_repeat(const struct child *child)
{
    static const char prefix[] = "xl-qmp: ";
    char line[512];
    ssize_t n = is_readable(child->err, 0) ?
                read(child->err, line, sizeof(line) - 1) : 0;
    size_t skip;

    if (n <= 0)
        return;
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    skip = strncmp(line, prefix, sizeof(prefix) - 1) ? 0 : sizeof(prefix) - 1;
    log_error("%s", line + skip);
}

/* Its exit code; -1: complained. */
static int child_end(const struct child *child, const struct display *display,
                     const char *why)
{
    int status = 0;

    if (why) {
        kill(child->pid, SIGKILL);
        log_error("domain %u (%s): %s", display->domid, display->name, why);
    }
    waitpid(child->pid, &status, 0);
    if (!why && WIFSIGNALED(status))
        log_error("screenshot: its program ended by signal %d",
                  WTERMSIG(status));
    else if (!why)
        child_repeat(child);
    close(child->pidfd);
    close(child->out);
    close(child->err);
    return !why && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The picture in memory, to be freed. NULL: complained, unless *again_r. */
static char *picture_take(int fd, const struct display *display,
                          const char *format, int seconds, size_t *n_r,
                          bool *again_r)
{
    int64_t end = loop_now_ms() + 1000 * (int64_t)seconds +
                  SCREENSHOT_GRACE_MS;
    struct child child;
    char *bytes = NULL;
    FILE *picture;
    int code;

    *again_r = false;
    if (child_start(&child, fd, display->password, format, seconds))
        return NULL;
    picture = open_memstream(&bytes, n_r);
    code = child_end(&child, display, !picture ? strerror(errno) :
                     child_read(&child, end, picture));
    if (picture && fclose(picture))
        *n_r = 0;
    *again_r = code == SCREENSHOT_AGAIN;
    if (code || !*n_r) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

/* --- The command ------------------------------------------------------ */

/* Until its size stays as it is while it is taken, or the time is up. */
static char *picture_get(const struct options *options, const char *name,
                         const char *format, size_t *n_r)
{
    int64_t end = loop_now_ms() + options->timeout_ms;
    struct display display = { .name = name };
    char *bytes = NULL;
    bool again = !display_find(&display);

    while (again) {
        int fd = display_connect(&display);
        int64_t left = (end - loop_now_ms()) / 1000;

        if (fd < 0)
            break;
        bytes = picture_take(fd, &display, format, left > 1 ? (int)left : 1,
                             n_r, &again);
        close(fd);
        if (again && loop_now_ms() > end) {
            log_error("domain %u (%s): its display changed its size each "
                      "time that it was looked at", display.domid, name);
            break;
        }
    }
    display_dispose(&display);
    return bytes;
}

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n > m && !strcmp(name + n - m, end);
}

/* To a pipe, too: what is no file is written to as it is. */
static int picture_put(const char *path, const char *bytes, size_t n)
{
    FILE *out = !strcmp(path, "-") ? stdout : NULL;

    if (out ? fwrite(bytes, 1, n, out) == n && !fflush(out) :
        !replace_file(path, bytes, n))
        return 0;
    log_error("cannot write %s: %s", path, strerror(errno));
    return -1;
}

int cmd_screenshot(const struct options *options, int argc, char **argv)
{
    int rc = XL_QMP_CONNECTION;
    char *bytes;
    size_t n = 0;

    if (argc != 3 || (strcmp(argv[2], "-") && !ends_in(argv[2], ".png") &&
                      !ends_in(argv[2], ".ppm"))) {
        log_error("screenshot: %s; usage: xl-qmp screenshot DOMAIN "
                  "FILE.png | FILE.ppm | -",
                  argc < 2 ? "no domain is given" :
                  argc < 3 ? "no file is given" :
                  argc > 3 ? "too many arguments" :
                  "it writes PNG (.png, or - for a pipe) and PPM (.ppm)");
        return XL_QMP_USAGE;
    }
    bytes = picture_get(options, argv[1],
                        ends_in(argv[2], ".ppm") ? "ppm" : "png", &n);
    if (bytes && !picture_put(argv[2], bytes, n))
        rc = XL_QMP_OK;
    free(bytes);
    return rc;
}
