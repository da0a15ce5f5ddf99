/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Contexts, from the ways to a QMP server.
 */
#include "connect.h"
#include "ctx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* Where libxl has QEMU listen, or a helper on QEMU's behalf. */
#define DOMAIN_SOCKET "unix:/run/xen/qmp-libxl-%u"

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

int xlqmp_open(xentoollog_logger *logger, const char *address,
               int timeout_ms, xlqmp_ctx **ctx_r,
               struct xlqmp_error *error_r)
{
    unsigned int flags;
    int fd, rc;

    rc = xlqmp_connect(address, timeout_ms, &fd, &flags, error_r);
    if (rc)
        return rc;
    xlqmp_log(logger, XTL_DEBUG, "connected to %s", address);
    rc = xlqmp_open_fd(logger, fd, flags, ctx_r, error_r);
    if (rc)
        close(fd);
    return rc;
}

int xlqmp_open_domain(xentoollog_logger *logger, uint32_t domid,
                      int timeout_ms, xlqmp_ctx **ctx_r,
                      struct xlqmp_error *error_r)
{
    char address[sizeof(DOMAIN_SOCKET) + 10];

    snprintf(address, sizeof(address), DOMAIN_SOCKET, domid);
    return xlqmp_open(logger, address, timeout_ms, ctx_r, error_r);
}
