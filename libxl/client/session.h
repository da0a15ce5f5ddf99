/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One client's QMP session, without any input or output of its own: bytes
 * that came go in, bytes to be sent stand in `out`, and the time is an
 * argument (milliseconds of a monotonic clock). Theory of operation in
 * xlqmp_session.c.
 */
#ifndef XENQMP_XLQMP_SESSION_H
#define XENQMP_XLQMP_SESSION_H

#include "qmp_framer.h"
#include "qmp_message.h"
#include "xlqmp_log.h"
#include "xlqmp_request.h"

/* qmp_reset is repeated on a console, with a new nonce, since a terminal
 * that is still cooked may have eaten it: every 2 s, and after 10 times less
 * often, so that an answer that takes longer than 2 s finds its nonce
 * current in the end. */
#define XLQMP_RESET_REPEAT_MS  2000
#define XLQMP_RESET_REPEATS    10
#define XLQMP_RESET_SLOW_MS    15000
/* On a console, what else negotiation waits for: longer, and it starts
 * again. A greeting may wait for QEMU's start, for which libxl allows 30 s;
 * qmp_capabilities is answered at once. */
#define XLQMP_GREETING_WAIT_MS 30000
#define XLQMP_NEGOTIATE_WAIT_MS 10000
/* A console that broke the protocol so often, with no minute of peace
 * between, is given up. */
#define XLQMP_OFFENCES_MAX     10
#define XLQMP_OFFENCE_FORGET_MS 60000
/* Commands are put into the output while less than this stands there, so
 * that the others are known to be unsent. */
#define XLQMP_OUT_PAUSE        65536u

/* A server that throttles (xlqmp_flow.c) is left alone so long, and twice
 * as long each time: StratoVirt allows 100 commands/s. */
#define XLQMP_BACKOFF_FIRST_MS 50
#define XLQMP_BACKOFF_MAX_MS   2000

enum xlqmp_line {
    /* Connected by a connect: greets by itself; an error is the end. */
    XLQMP_LINE_STREAM,
    /* Knows no connections: qmp_reset first; an error is a reset. */
    XLQMP_LINE_CONSOLE,
};

enum xlqmp_state {
    /* qmp_reset is sent or due, with the nonce. All that comes but the
     * answer to it is dropped, well-formed or not. */
    XLQMP_STATE_RESET,
    /* The greeting is due; replies and events are dropped. */
    XLQMP_STATE_GREETING,
    /* qmp_capabilities is sent, its id is the nonce; as before. After a
     * fallback from RESET there may have been no greeting. */
    XLQMP_STATE_NEGOTIATE,
    /* Commands are sent. The only state with requests SENT. */
    XLQMP_STATE_READY,
    /* The end: no requests, nothing to send. `error` says why. */
    XLQMP_STATE_DEAD,
};

struct xlqmp_session {
    /* the caller sets, before init */
    enum xlqmp_line line;
    xentoollog_logger *logger;  /* or NULL */
    xlqmp_ctx *ctx;             /* for the callbacks */
    void (*event)(xlqmp_ctx *ctx, const struct qmp_message *message);
    /* readable */
    enum xlqmp_state state;
    struct qmp_buf out;         /* to be sent; xlqmp_session_written() */
    struct qmp_buf greeting;    /* terminated; empty if there was none */
    struct xlqmp_error error;   /* DEAD */
    /* private */
    struct xlqmp_requests requests;
    struct qmp_framer framer;
    uint64_t nonce;             /* what RESET and NEGOTIATE wait for; in
                                 * READY, part of every id */
    uint64_t written;           /* bytes that have left `out` */
    int64_t phase_ms;           /* when RESET to NEGOTIATE try again */
    bool one_at_a_time;         /* commands on the way */
    unsigned int abandoned;     /* commands sent that nobody waits for and
                                 * that were not answered yet */
    int64_t backoff_ms;         /* the last pause; 0: not throttled */
    int64_t resume_ms;          /* end of the pause; XLQMP_NEVER: none */
    unsigned int resets;        /* in a row */
    unsigned int offences;
    int64_t offence_ms;         /* of the last */
    struct xlqmp_log_limit log_limit;
};

void xlqmp_session_init(struct xlqmp_session *session, int64_t now_ms);
/* Idempotent; calls nobody back. */
void xlqmp_session_dispose(struct xlqmp_session *session);

/* As xlqmp_send() and xlqmp_send_reset(). */
int xlqmp_session_send(struct xlqmp_session *session, const char *command,
                       const char *arguments, int64_t deadline_ms,
                       xlqmp_reply_fn *fn, void *user, uint64_t *handle_r);
int xlqmp_session_reset(struct xlqmp_session *session, int64_t now_ms,
                        int64_t deadline_ms, xlqmp_reply_fn *fn, void *user,
                        uint64_t *handle_r);
/* Only waits for READY. Called back at once if it is. */
int xlqmp_session_wait(struct xlqmp_session *session, int64_t deadline_ms,
                       xlqmp_reply_fn *fn, void *user, uint64_t *handle_r);
bool xlqmp_session_cancel(struct xlqmp_session *session, uint64_t handle);

/* These three call back, last. */
/* n <= QMP_FRAMER_CHUNK bytes have come. */
void xlqmp_session_input(struct xlqmp_session *session, const void *bytes,
                         size_t n, int64_t now_ms);
/* Time has passed, or requests were added. */
void xlqmp_session_tick(struct xlqmp_session *session, int64_t now_ms);
/* The connection is lost; why is a sentence for people. */
void xlqmp_session_lose(struct xlqmp_session *session, const char *why);

/* The first n bytes of `out` were sent. */
void xlqmp_session_written(struct xlqmp_session *session, size_t n);

/* When xlqmp_session_tick() is due; XLQMP_NEVER. */
int64_t xlqmp_session_deadline(const struct xlqmp_session *session);

#endif
