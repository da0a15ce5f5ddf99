/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The blocking calls: the callback of the one request is what ends them.
 * Its deadline is the request's, so that there is one place for time-outs.
 */
#include "ctx.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct outcome {
    bool done;
    char *return_json;
    struct xlqmp_error error;
};

static void take_outcome(xlqmp_ctx *ctx, int rc, const char *return_json,
                         const struct xlqmp_error *error, void *user)
{
    struct outcome *outcome = user;

    (void)ctx;
    (void)rc;
    outcome->done = true;
    outcome->error = *error;
    outcome->return_json = return_json ? strdup(return_json) : NULL;
    if (return_json && !outcome->return_json)
        xlqmp_error_fill(&outcome->error, XLQMP_ERROR_NOMEM,
                         "no memory for the reply");
}

int xlqmp_process(xlqmp_ctx *ctx, int timeout_ms)
{
    int timeout = timeout_ms < 0 ? -1 : timeout_ms;
    struct pollfd fd;

    assert(!ctx->in_callbacks);
    xlqmp_beforepoll(ctx, &fd, &timeout);
    /* Nothing can come to a dead session. */
    if (fd.fd < 0)
        timeout = 0;
    if (poll(&fd, 1, timeout) < 0) {
        if (errno != EINTR)
            return XLQMP_ERROR_NOMEM;
        fd.revents = 0;
    }
    xlqmp_afterpoll(ctx, &fd);
    return xlqmp_is_open(ctx) ? XLQMP_OK : ctx->session.error.rc;
}

/* rc: of submitting the request. */
static int wait_outcome(xlqmp_ctx *ctx, int rc, uint64_t handle,
                        struct outcome *outcome, char **return_json_r,
                        struct xlqmp_error *error_r)
{
    if (rc && !xlqmp_is_open(ctx))
        outcome->error = ctx->session.error;
    else if (rc)
        xlqmp_error_fill(&outcome->error, rc, "%s", xlqmp_rc_name(rc));
    while (!rc && !outcome->done) {
        rc = xlqmp_process(ctx, -1);
        if (outcome->done)
            break;
        if (rc) {
            xlqmp_cancel(ctx, handle);
            xlqmp_error_fill(&outcome->error, rc, "%s", xlqmp_rc_name(rc));
        }
    }
    if (error_r)
        *error_r = outcome->error;
    if (return_json_r && !outcome->error.rc)
        *return_json_r = outcome->return_json;
    else
        free(outcome->return_json);
    return outcome->error.rc;
}

int xlqmp_command(xlqmp_ctx *ctx, const char *command,
                  const char *arguments, int timeout_ms,
                  char **return_json_r, struct xlqmp_error *error_r)
{
    struct outcome outcome = { .done = false };
    uint64_t handle = 0;
    int rc = xlqmp_send(ctx, command, arguments, timeout_ms, take_outcome,
                        &outcome, &handle);

    return wait_outcome(ctx, rc, handle, &outcome, return_json_r, error_r);
}

int xlqmp_reset(xlqmp_ctx *ctx, int timeout_ms, struct xlqmp_error *error_r)
{
    struct outcome outcome = { .done = false };
    uint64_t handle = 0;
    int rc = xlqmp_send_reset(ctx, timeout_ms, take_outcome, &outcome,
                              &handle);

    return wait_outcome(ctx, rc, handle, &outcome, NULL, error_r);
}

int xlqmp_wait_ready(xlqmp_ctx *ctx, int timeout_ms,
                     struct xlqmp_error *error_r)
{
    struct outcome outcome = { .done = false };
    uint64_t handle = 0;
    int rc = xlqmp_session_wait(&ctx->session, xlqmp_deadline(timeout_ms),
                                take_outcome, &outcome, &handle);

    return wait_outcome(ctx, rc, handle, &outcome, NULL, error_r);
}
