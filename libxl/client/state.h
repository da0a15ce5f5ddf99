/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of a session share, from the bottom: this, flow.c (READY),
 * handshake.c (RESET to NEGOTIATE), session.c (entry points).
 */
#ifndef XENQMP_LIBXL_CLIENT_STATE_H
#define XENQMP_LIBXL_CLIENT_STATE_H

#include "libxl/qmp/framer.h"
#include "libxl/qmp/message.h"
#include "log.h"
#include "request.h"

/* qmp_reset is repeated on a console, with a new nonce, since a terminal
 * that is still cooked may have eaten it: every 2 s, and after 10 times less
 * often, so that an answer that takes longer than 2 s finds its nonce
 * current in the end. */
#ifndef XLQMP_RESET_REPEAT_MS
#define XLQMP_RESET_REPEAT_MS  2000
#endif
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

/* A server that throttles (client/flow.c) is left alone so long, and twice
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

/* "x", 16 digits and the terminator. */
#define XLQMP_NONCE_SIZE 18

/* Asserts that the session may go there. Forgets the phase's limit. */
void xlqmp_state_set(struct xlqmp_session *session, enum xlqmp_state state);
/* The nonce as it stands in ids, without quotes. */
void xlqmp_state_nonce(const struct xlqmp_session *session,
                       char text_r[XLQMP_NONCE_SIZE]);

void xlqmp_error_set(struct xlqmp_error *error_r, enum xlqmp_rc rc,
                     const char *what, const char *detail);
/* From a QMP_ERROR. */
void xlqmp_error_from_message(struct xlqmp_error *error_r,
                              const struct qmp_message *message);

#endif
