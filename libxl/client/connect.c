/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connect.h"

#include "ctx.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* A host's name and a service's. */
#define HOST_MAX 256
#define PORT_MAX 32

/* Closes fd and keeps errno. */
static int close_failed(int fd)
{
    int saved = errno;

    close(fd);
    errno = saved;
    return -1;
}

/* A connected socket, or -1 with errno. A listener with too many waiting
 * makes connect() block, non-blocking sockets fail at once: so not those,
 * but a limit on the blocking. */
static int connect_unix(const struct sockaddr_un *address, int timeout_ms)
{
    struct timeval limit = {
        .tv_sec = timeout_ms / 1000,
        .tv_usec = timeout_ms % 1000 * 1000,
    };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    /* 0 would mean no limit at all. */
    if (!timeout_ms)
        limit.tv_usec = 1;
    if (timeout_ms >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
                                      sizeof(limit)))
        return close_failed(fd);
    while (connect(fd, (const struct sockaddr *)address, sizeof(*address)))
        if (errno != EINTR)
            return close_failed(fd);
    return fd;
}

static int open_unix(const char *path, int timeout_ms, int *fd_r,
                     struct xlqmp_error *error_r)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(address.sun_path))
        return xlqmp_error_fill(error_r, XLQMP_ERROR_INVAL,
                                "%s: longer than a socket's path can be",
                                path);
    strcpy(address.sun_path, path);
    *fd_r = connect_unix(&address, timeout_ms);
    if (*fd_r >= 0)
        return XLQMP_OK;
    if (errno == EAGAIN)
        return xlqmp_error_fill(error_r, XLQMP_ERROR_TIMEOUT,
                                "%s: too many connections are waiting",
                                path);
    return xlqmp_error_fill(error_r, XLQMP_ERROR_LOST, "%s: %s", path,
                            strerror(errno));
}

/* A connected socket, or -1 with errno. */
static int connect_tcp(const struct addrinfo *info, int64_t deadline)
{
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC |
                    SOCK_NONBLOCK, info->ai_protocol);
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    int on = 1, error = 0, left, r;
    socklen_t n = sizeof(error);

    if (fd < 0)
        return -1;
    if (connect(fd, info->ai_addr, info->ai_addrlen) &&
        errno != EINPROGRESS)
        return close_failed(fd);
    do {
        int64_t wait = deadline - xlqmp_now_ms();

        left = deadline == XLQMP_NEVER ? -1 : wait < 0 ? 0 : (int)wait;
        r = poll(&p, 1, left);
    } while (r < 0 && errno == EINTR);
    if (!r)
        errno = ETIMEDOUT;
    else if (r > 0 && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n))
        errno = error;
    if (r <= 0 || error)
        return close_failed(fd);
    /* Commands are short, and somebody waits for the answer. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* HOST:PORT, HOST in brackets if it is an IPv6 address. */
static bool split_host(const char *address, char host_r[HOST_MAX],
                       char port_r[PORT_MAX])
{
    const char *colon = strrchr(address, ':'), *host = address;
    size_t n = colon ? (size_t)(colon - address) : 0;

    if (n > 2 && *host == '[' && host[n - 1] == ']') {
        host++;
        n -= 2;
    } else if (n && memchr(host, ':', n)) {
        return false;
    }
    if (!n || n >= HOST_MAX || !colon[1] || strlen(colon + 1) >= PORT_MAX)
        return false;
    memcpy(host_r, host, n);
    host_r[n] = '\0';
    strcpy(port_r, colon + 1);
    return true;
}

static int open_tcp(const char *address, int timeout_ms, int *fd_r,
                    struct xlqmp_error *error_r)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
    int64_t deadline = xlqmp_deadline(timeout_ms);
    char host[HOST_MAX], port[PORT_MAX];
    int r, errnum = 0;

    if (!split_host(address, host, port))
        return xlqmp_error_fill(error_r, XLQMP_ERROR_INVAL,
                                "%s: not HOST:PORT, or [ADDRESS]:PORT",
                                address);
    r = getaddrinfo(host, port, &hints, &list);
    if (r)
        return xlqmp_error_fill(error_r, XLQMP_ERROR_LOST, "%s: %s",
                                address, gai_strerror(r));
    for (const struct addrinfo *info = list; info; info = info->ai_next) {
        *fd_r = connect_tcp(info, deadline);
        if (*fd_r >= 0)
            break;
        errnum = errno;
    }
    freeaddrinfo(list);
    if (*fd_r >= 0)
        return XLQMP_OK;
    return xlqmp_error_fill(error_r, errnum == ETIMEDOUT ?
                            XLQMP_ERROR_TIMEOUT : XLQMP_ERROR_LOST,
                            "%s: %s", address, strerror(errnum));
}

static int open_tty(const char *path, int *fd_r,
                    struct xlqmp_error *error_r)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return xlqmp_error_fill(error_r, XLQMP_ERROR_LOST, "%s: %s", path,
                                strerror(errno));
    if (!isatty(fd)) {
        close(fd);
        return xlqmp_error_fill(error_r, XLQMP_ERROR_INVAL,
                                "%s: not a terminal", path);
    }
    /* Two readers would each get a part of every reply. */
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        return xlqmp_error_fill(error_r, XLQMP_ERROR_LOST,
                                "%s: another QMP client uses this terminal",
                                path);
    }
    *fd_r = fd;
    return XLQMP_OK;
}

int xlqmp_connect(const char *address, int timeout_ms, int *fd_r,
                  unsigned int *flags_r, struct xlqmp_error *error_r)
{
    const char *rest = strchr(address, ':');
    size_t n = rest ? (size_t)(rest - address) : 0;

    *fd_r = -1;
    *flags_r = 0;
    if (!rest || !rest[1])
        n = 0;
    else
        rest++;
    if (n == 4 && !memcmp(address, "unix", 4))
        return open_unix(rest, timeout_ms, fd_r, error_r);
    if (n == 3 && !memcmp(address, "tcp", 3))
        return open_tcp(rest, timeout_ms, fd_r, error_r);
    if (n == 3 && !memcmp(address, "tty", 3)) {
        *flags_r = XLQMP_CONSOLE;
        return open_tty(rest, fd_r, error_r);
    }
    return xlqmp_error_fill(error_r, XLQMP_ERROR_INVAL,
                            "%s is no address; those are unix:PATH, "
                            "tcp:HOST:PORT and tty:PATH", address);
}
