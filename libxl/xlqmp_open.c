/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ways to a QMP server.
 */
#include "xlqmp_ctx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

/* Where libxl has QEMU listen, or a helper on QEMU's behalf. */
#define DOMAIN_SOCKET "/run/xen/qmp-libxl-%u"

static int make_raw(int fd)
{
    struct termios termios;

    if (!isatty(fd))
        return 0;
    if (tcgetattr(fd, &termios))
        return -1;
    cfmakeraw(&termios);
    /* Not TCSAFLUSH: what has come may be an answer. */
    return tcsetattr(fd, TCSANOW, &termios);
}

int xlqmp_open_fd(xentoollog_logger *logger, int fd, unsigned int flags,
                  xlqmp_ctx **ctx_r, struct xlqmp_error *error_r)
{
    int file_flags = fcntl(fd, F_GETFL);
    struct stat st;
    xlqmp_ctx *ctx;

    if (flags & ~XLQMP_CONSOLE)
        return xlqmp_error_fill(error_r, XLQMP_ERROR_INVAL,
                                "unknown flags 0x%x", flags);
    if (file_flags < 0 || fstat(fd, &st) ||
        fcntl(fd, F_SETFL, file_flags | O_NONBLOCK) ||
        ((flags & XLQMP_CONSOLE) && make_raw(fd)))
        return xlqmp_error_fill(error_r, XLQMP_ERROR_LOST,
                                "descriptor %d: %s", fd, strerror(errno));
    ctx = calloc(1, sizeof(*ctx));
    if (!ctx)
        return xlqmp_error_fill(error_r, XLQMP_ERROR_NOMEM,
                                "out of memory");
    ctx->fd = fd;
    ctx->is_socket = S_ISSOCK(st.st_mode);
    ctx->session.line = flags & XLQMP_CONSOLE ? XLQMP_LINE_CONSOLE :
                        XLQMP_LINE_STREAM;
    ctx->session.logger = logger;
    ctx->session.ctx = ctx;
    ctx->session.event = xlqmp_events_deliver;
    xlqmp_session_init(&ctx->session, xlqmp_now_ms());
    *ctx_r = ctx;
    return XLQMP_OK;
}

/* A connected socket, or -1 with errno. */
static int connect_unix(const struct sockaddr_un *address, int timeout_ms)
{
    struct timeval limit = {
        .tv_sec = timeout_ms / 1000,
        .tv_usec = timeout_ms % 1000 * 1000,
    };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int saved;

    if (fd < 0)
        return -1;
    /* 0 would mean no limit at all. */
    if (!timeout_ms)
        limit.tv_usec = 1;
    if (timeout_ms >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
                                      sizeof(limit)))
        goto fail;
    while (connect(fd, (const struct sockaddr *)address,
                   sizeof(*address)))
        if (errno != EINTR)
            goto fail;
    return fd;

fail:
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int xlqmp_open_unix(xentoollog_logger *logger, const char *path,
                    int timeout_ms, xlqmp_ctx **ctx_r,
                    struct xlqmp_error *error_r)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd, rc;

    if (strlen(path) >= sizeof(address.sun_path))
        return xlqmp_error_fill(error_r, XLQMP_ERROR_INVAL,
                                "%s: longer than a socket's path can be",
                                path);
    strcpy(address.sun_path, path);
    fd = connect_unix(&address, timeout_ms);
    if (fd < 0 && errno == EAGAIN)
        return xlqmp_error_fill(error_r, XLQMP_ERROR_TIMEOUT,
                                "%s: too many connections are waiting",
                                path);
    if (fd < 0)
        return xlqmp_error_fill(error_r, XLQMP_ERROR_LOST, "%s: %s", path,
                                strerror(errno));
    xlqmp_log(logger, XTL_DEBUG, "connected to %s", path);
    rc = xlqmp_open_fd(logger, fd, 0, ctx_r, error_r);
    if (rc)
        close(fd);
    return rc;
}

int xlqmp_open_domain(xentoollog_logger *logger, uint32_t domid,
                      int timeout_ms, xlqmp_ctx **ctx_r,
                      struct xlqmp_error *error_r)
{
    char path[sizeof(DOMAIN_SOCKET) + 10];

    snprintf(path, sizeof(path), DOMAIN_SOCKET, domid);
    return xlqmp_open_unix(logger, path, timeout_ms, ctx_r, error_r);
}
