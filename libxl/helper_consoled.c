/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helper_consoled.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "config.h"
#include "log.h"

/* The greeting's beginning, version 1 of the protocol. */
#define CONSOLED_GREETING "xenconsoled 1 "
/* It greets as soon as it accepts; libxl waits 60 s for this program. */
#define CONSOLED_WAIT_S   5

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
