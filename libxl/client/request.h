/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What callers wait for: commands, and the end of a negotiation.
 *
 * A request has one owner, the list; its callback runs once, from
 * xlqmp_requests_deliver(), after it has been taken off the list. Nothing
 * else calls back, so the functions that finish requests are safe anywhere.
 */
#ifndef XENQMP_LIBXL_CLIENT_REQUEST_H
#define XENQMP_LIBXL_CLIENT_REQUEST_H

#include <stddef.h>

#include "libxl_qmp.h"
#include "libxl/qmp/buf.h"

enum xlqmp_request_state {
    /* Not handed to the transport: survives a reset. The state of what
     * waits for the negotiation, too. */
    XLQMP_REQUEST_WAITING,
    /* Its text is in the session's output, or has left it. Has an id. */
    XLQMP_REQUEST_SENT,
    /* error and return_json hold the result; the callback is due. */
    XLQMP_REQUEST_DONE,
};

#define XLQMP_NEVER INT64_MAX

struct xlqmp_request {
    /* readable */
    uint64_t handle;            /* its id is made of this */
    enum xlqmp_request_state state;
    bool for_ready;             /* no command: waits for READY */
    int64_t deadline_ms;        /* XLQMP_NEVER: none */
    char *text;                 /* the command, but for id and end */
    size_t text_len;
    uint64_t sent_end;          /* SENT: place in the output stream behind
                                 * its last bracket */
    /* private */
    struct xlqmp_request *next;
    xlqmp_reply_fn *fn;
    void *user;
    char *return_json;
    struct xlqmp_error error;
};

struct xlqmp_requests {
    /* readable */
    struct xlqmp_request *first;    /* in order of submission */
    unsigned int n;
    /* private */
    uint64_t last_handle;
};

/* Idempotent. Frees without calling back. */
void xlqmp_requests_dispose(struct xlqmp_requests *list);

/* command NULL: for_ready. Checks the arguments. 0 or an xlqmp_rc. */
int xlqmp_requests_add(struct xlqmp_requests *list, const char *command,
                       const char *arguments, int64_t deadline_ms,
                       xlqmp_reply_fn *fn, void *user, uint64_t *handle_r);

bool xlqmp_requests_cancel(struct xlqmp_requests *list, uint64_t handle);

/* Appends the whole line, CRLF included; its id is nonce and handle. -1,
 * and nothing appended: no memory. */
int xlqmp_request_append(const struct xlqmp_request *request,
                         const char *nonce, struct qmp_buf *out);
/* The request SENT that the n bytes at id, JSON, belong to, or NULL. */
struct xlqmp_request *
xlqmp_requests_by_id(const struct xlqmp_requests *list, const char *nonce,
                     const char *id, size_t n);
/* How many are SENT, and the first. */
unsigned int xlqmp_requests_sent(const struct xlqmp_requests *list);
struct xlqmp_request *
xlqmp_requests_first_sent(const struct xlqmp_requests *list);

/* The earliest deadline: 0 if a callback is due, XLQMP_NEVER if none. */
int64_t xlqmp_requests_deadline(const struct xlqmp_requests *list);

/* To DONE. return_json is n bytes, copied; without memory for that, the
 * request fails with XLQMP_ERROR_NOMEM. */
void xlqmp_request_succeed(struct xlqmp_request *request,
                           const char *return_json, size_t n);
/* error is copied. */
void xlqmp_request_fail(struct xlqmp_request *request,
                        const struct xlqmp_error *error);

/* Calls back all that are DONE, also those that become so meanwhile. */
void xlqmp_requests_deliver(struct xlqmp_requests *list, xlqmp_ctx *ctx);

#endif
