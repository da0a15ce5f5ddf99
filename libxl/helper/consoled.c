/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "consoled.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "config.h"
#include "tools/common/log.h"

/* The greeting's beginning, version 1 of the protocol. */
#define CONSOLED_GREETING "xenconsoled 1 "
/* It greets as soon as it accepts, which on a busy host may be late; libxl
 * waits 60 s for this program. */
#define CONSOLED_WAIT_S   20

/* As long as it holds the connection, the pid is its own. */
static int pidfd_of_peer(int fd)
{
    struct pollfd peer = { .fd = fd };
    struct ucred cred;
    socklen_t n = sizeof(cred);
    int pidfd;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n))
        return -1;
    pidfd = pidfd_open(cred.pid, 0);
    if (pidfd < 0 || (!poll(&peer, 1, 0) && !peer.revents))
        return pidfd;
    close(pidfd);
    errno = EAGAIN;
    return -1;
}

int consoled_pidfd(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int pidfd = -1, error;

    if (fd < 0)
        return -1;
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
        pidfd = pidfd_of_peer(fd);
    error = errno;
    close(fd);
    errno = error;
    return pidfd;
}

int consoled_check(const char *path, uint32_t domid)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct timeval limit = { .tv_sec = CONSOLED_WAIT_S };
    char greeting[sizeof(CONSOLED_GREETING) - 1];
    ssize_t n = -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        /* For connect(), while the backlog is full. */
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
            n = recv(fd, greeting, sizeof(greeting), MSG_WAITALL);
        close(fd);
    }
    if (n == sizeof(greeting) && !memcmp(greeting, CONSOLED_GREETING, n))
        return 0;
    log_error("domain %u: xenconsoled is Xen's own, which serves one "
              "console a domain, or does not run: start %s/xenconsoled in "
              "its place, as xenqmp's README says under Installing", domid,
              XENQMP_LIBEXECDIR);
    return -1;
}
