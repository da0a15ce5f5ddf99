/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Moves bytes between the descriptor and the session, and lends the session
 * the time. Reads first: a server that answers and hangs up has answered,
 * and a write that fails may have an answer before it.
 */
#include "ctx.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Callers have room for one of these: what it takes cannot change without
 * another soname. */
static_assert(sizeof(struct xlqmp_error) == 1096, "part of the ABI");

int64_t xlqmp_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t xlqmp_deadline(int timeout_ms)
{
    return timeout_ms < 0 ? XLQMP_NEVER : xlqmp_now_ms() + timeout_ms;
}

int xlqmp_error_fill(struct xlqmp_error *error_r, int rc, const char *fmt,
                     ...)
{
    va_list ap;

    if (!error_r)
        return rc;
    *error_r = (struct xlqmp_error){ .rc = rc };
    va_start(ap, fmt);
    vsnprintf(error_r->desc, sizeof(error_r->desc), fmt, ap);
    va_end(ap);
    return rc;
}

const char *xlqmp_rc_name(enum xlqmp_rc rc)
{
    switch (rc) {
    case XLQMP_OK: return "ok";
    case XLQMP_ERROR_QMP: return "QMP error";
    case XLQMP_ERROR_TIMEOUT: return "time-out";
    case XLQMP_ERROR_LOST: return "no connection";
    case XLQMP_ERROR_PROTOCOL: return "protocol error";
    case XLQMP_ERROR_TOO_LARGE: return "answer too large";
    case XLQMP_ERROR_NOMEM: return "out of memory";
    case XLQMP_ERROR_INVAL: return "invalid argument";
    case XLQMP_ERROR_RESET: return "session reset";
    case XLQMP_ERROR_BUSY: return "too many commands";
    }
    return "unknown error";
}

/* The session has died, by itself or since the line is lost. */
static void hang_up(xlqmp_ctx *ctx)
{
    if (ctx->fd >= 0)
        close(ctx->fd);
    ctx->fd = -1;
}

static void lose(xlqmp_ctx *ctx, const char *what, int errnum)
{
    char why[128];

    if (errnum)
        snprintf(why, sizeof(why), "%s: %s", what, strerror(errnum));
    else
        snprintf(why, sizeof(why), "%s", what);
    xlqmp_session_lose(&ctx->session, why);
}

static void read_input(xlqmp_ctx *ctx)
{
    char bytes[QMP_FRAMER_CHUNK];
    ssize_t r = read(ctx->fd, bytes, sizeof(bytes));

    if (r > 0)
        xlqmp_session_input(&ctx->session, bytes, (size_t)r,
                            xlqmp_now_ms());
    else if (!r)
        lose(ctx, "the server closed the connection", 0);
    else if (errno != EAGAIN && errno != EINTR)
        lose(ctx, "the connection was lost", errno);
}

static void write_output(xlqmp_ctx *ctx)
{
    const struct qmp_buf *out = &ctx->session.out;
    ssize_t r;

    while (out->len && !ctx->write_failed) {
        r = ctx->is_socket ?
            send(ctx->fd, out->data, out->len, MSG_NOSIGNAL) :
            write(ctx->fd, out->data, out->len);
        if (r >= 0)
            xlqmp_session_written(&ctx->session, (size_t)r);
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            ctx->write_failed = true;
    }
}

void xlqmp_beforepoll(const xlqmp_ctx *ctx, struct pollfd *fd_r,
                      int *timeout_upd)
{
    int64_t deadline = xlqmp_session_deadline(&ctx->session), wait;

    *fd_r = (struct pollfd){ .fd = ctx->fd, .events = POLLIN };
    if (ctx->session.out.len && !ctx->write_failed)
        fd_r->events |= POLLOUT;
    if (deadline == XLQMP_NEVER)
        return;
    wait = deadline - xlqmp_now_ms();
    if (wait < 0)
        wait = 0;
    if (*timeout_upd < 0 || wait < *timeout_upd)
        *timeout_upd = wait > INT32_MAX ? INT32_MAX : (int)wait;
}

void xlqmp_afterpoll(xlqmp_ctx *ctx, const struct pollfd *fd)
{
    assert(!ctx->in_callbacks);
    ctx->in_callbacks = true;
    if (ctx->fd >= 0 && fd->fd == ctx->fd) {
        if (fd->revents & (POLLIN | POLLHUP | POLLERR))
            read_input(ctx);
        if (fd->revents & POLLNVAL)
            lose(ctx, "the descriptor was closed", 0);
    }
    xlqmp_session_tick(&ctx->session, xlqmp_now_ms());
    /* Also what was just asked for, without another turn. */
    if (ctx->session.state == XLQMP_STATE_DEAD)
        hang_up(ctx);
    else
        write_output(ctx);
    ctx->in_callbacks = false;
}

int xlqmp_send(xlqmp_ctx *ctx, const char *command, const char *arguments,
               int timeout_ms, xlqmp_reply_fn *fn, void *user,
               uint64_t *handle_r)
{
    if (!command)
        return XLQMP_ERROR_INVAL;
    return xlqmp_session_send(&ctx->session, command, arguments,
                              xlqmp_deadline(timeout_ms), fn, user,
                              handle_r);
}

int xlqmp_send_reset(xlqmp_ctx *ctx, int timeout_ms, xlqmp_reply_fn *fn,
                     void *user, uint64_t *handle_r)
{
    return xlqmp_session_reset(&ctx->session, xlqmp_now_ms(),
                               xlqmp_deadline(timeout_ms), fn, user,
                               handle_r);
}

bool xlqmp_cancel(xlqmp_ctx *ctx, uint64_t handle)
{
    return xlqmp_session_cancel(&ctx->session, handle);
}

const char *xlqmp_greeting(const xlqmp_ctx *ctx)
{
    return ctx->session.greeting.len ? ctx->session.greeting.data : NULL;
}

bool xlqmp_is_open(const xlqmp_ctx *ctx)
{
    return ctx->session.state != XLQMP_STATE_DEAD;
}

void xlqmp_close(xlqmp_ctx *ctx)
{
    if (!ctx)
        return;
    assert(!ctx->in_callbacks);
    ctx->in_callbacks = true;
    xlqmp_session_lose(&ctx->session, "the context was closed");
    hang_up(ctx);
    xlqmp_session_dispose(&ctx->session);
    xlqmp_events_dispose(ctx);
    free(ctx);
}
