/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Theory of operation
 *
 *              stream                console
 *                │                      │  ┌────────── offence ─────────┐
 *                │            ┌───► RESET ◄┴── xlqmp_session_reset() ──┐│
 *                ▼            │ return│ │ error: no qmp_reset there     ││
 *            GREETING ◄───────┼───────┘ │                              ││
 *         greeting│           │time     │                              ││
 *                 ▼           │(console)│                              ││
 *            NEGOTIATE ◄──────┴─────────┘                              ││
 *    return, or   │                                                    ││
 *    CommandNotFound: negotiated before                                ││
 *                 ▼                                                    ││
 *               READY ─────────────────────────────────────────────────┴┘
 *
 * and from any state to DEAD: connection lost, or an offence (something
 * that QMP does not allow) on a stream, or too many of them on a console.
 *
 * Ids are strings of a nonce, which is new for each reset and each
 * negotiation, and a number. So replies to a previous session, or to
 * somebody else who used the line, never match.
 *
 * Functions here only mark requests as done. They are called back last, by
 * the entry points, for a callback may call any function of the session.
 */
#include "session.h"

#include <assert.h>
#include <stdio.h>

#include "flow.h"
#include "handshake.h"
#include "libxl/qmp/json.h"

/* QEMU's is 200 bytes. */
#define GREETING_MAX 65536

static void handle_message(struct xlqmp_session *session,
                           const struct qmp_message *message,
                           int64_t now_ms)
{
    bool ready = session->state == XLQMP_STATE_READY;

    switch (message->kind) {
    case QMP_RETURN:
    case QMP_ERROR:
        if (ready)
            xlqmp_flow_reply(session, message, now_ms);
        else
            xlqmp_handshake_reply(session, message, now_ms);
        break;
    case QMP_GREETING:
        /* In RESET, whatever it is, it belongs to the old session. */
        if (session->state != XLQMP_STATE_RESET)
            xlqmp_handshake_greeting(session, message, now_ms);
        break;
    case QMP_COMMAND:
        if (session->state != XLQMP_STATE_RESET)
            xlqmp_handshake_offence(session, now_ms,
                                  "the server sent a command", "");
        break;
    case QMP_EVENT:
        if (ready)
            session->event(session->ctx, message);
        break;
    }
}

void xlqmp_session_input(struct xlqmp_session *session, const void *bytes,
                         size_t n, int64_t now_ms)
{
    enum qmp_framer_result result;
    struct qmp_message message;
    struct qmp_skim skim;
    const char *text, *why;
    size_t len;

    if (session->state == XLQMP_STATE_DEAD)
        return;
    if (qmp_framer_push(&session->framer, bytes, n))
        xlqmp_flow_end(session, XLQMP_ERROR_NOMEM,
                          "no memory for a message", "");
    while ((result = qmp_framer_next(&session->framer, &text, &len)) !=
           QMP_FRAMER_MORE) {
        skim.id_len = 0;
        if (result == QMP_FRAMER_TOO_LONG) {
            why = "too long";
            skim = session->framer.skim;
        } else if (result == QMP_FRAMER_GARBAGE) {
            why = "not a message";
        } else if (qmp_message_parse(&message, text, len, &why)) {
            why = NULL;
        } else if (qmp_json_is_limit(why)) {
            qmp_skim_init(&skim);
            qmp_skim_read(&skim, text, len);
        }
        if (!why)
            handle_message(session, &message, now_ms);
        else if (session->state != XLQMP_STATE_RESET &&
                 !(session->state == XLQMP_STATE_READY &&
                   xlqmp_flow_too_large(session, &skim, now_ms)))
            xlqmp_handshake_offence(session, now_ms,
                                  "the server sent what is no QMP", why);
        /* Each message on its own: a callback may reset the session, and
         * then the rest of these bytes is of the old one. */
        xlqmp_requests_deliver(&session->requests, session->ctx);
    }
    xlqmp_requests_deliver(&session->requests, session->ctx);
}

void xlqmp_session_tick(struct xlqmp_session *session, int64_t now_ms)
{
    static const struct xlqmp_error lost = {
        .rc = XLQMP_ERROR_RESET, .desc = "the session had to be reset",
    };

    xlqmp_flow_tick(session, now_ms);
    if (session->phase_ms <= now_ms) {
        if (session->state == XLQMP_STATE_RESET)
            xlqmp_handshake_ask(session, now_ms);
        else
            xlqmp_handshake_restart(session, now_ms, &lost);
    }
    xlqmp_flow_pump(session);
    xlqmp_requests_deliver(&session->requests, session->ctx);
}

void xlqmp_session_lose(struct xlqmp_session *session, const char *why)
{
    xlqmp_flow_end(session, XLQMP_ERROR_LOST, why, "");
    xlqmp_requests_deliver(&session->requests, session->ctx);
}

void xlqmp_session_written(struct xlqmp_session *session, size_t n)
{
    qmp_buf_consume(&session->out, n);
    session->written += n;
    xlqmp_flow_pump(session);
}

int64_t xlqmp_session_deadline(const struct xlqmp_session *session)
{
    int64_t deadline = xlqmp_requests_deadline(&session->requests);

    if (session->resume_ms < deadline)
        deadline = session->resume_ms;
    return session->phase_ms < deadline ? session->phase_ms : deadline;
}

int xlqmp_session_send(struct xlqmp_session *session, const char *command,
                       const char *arguments, int64_t deadline_ms,
                       xlqmp_reply_fn *fn, void *user, uint64_t *handle_r)
{
    int rc;

    if (session->state == XLQMP_STATE_DEAD)
        return session->error.rc;
    rc = xlqmp_requests_add(&session->requests, command, arguments,
                            deadline_ms, fn, user, handle_r);
    if (!rc)
        xlqmp_flow_pump(session);
    return rc;
}

int xlqmp_session_wait(struct xlqmp_session *session, int64_t deadline_ms,
                       xlqmp_reply_fn *fn, void *user, uint64_t *handle_r)
{
    return xlqmp_session_send(session, NULL, NULL, deadline_ms, fn, user,
                              handle_r);
}

int xlqmp_session_reset(struct xlqmp_session *session, int64_t now_ms,
                        int64_t deadline_ms, xlqmp_reply_fn *fn, void *user,
                        uint64_t *handle_r)
{
    static const struct xlqmp_error why = {
        .rc = XLQMP_ERROR_RESET, .desc = "the session was reset",
    };
    int rc;

    if (session->state == XLQMP_STATE_DEAD)
        return session->error.rc;
    rc = xlqmp_requests_add(&session->requests, NULL, NULL, deadline_ms, fn,
                            user, handle_r);
    if (!rc)
        xlqmp_handshake_restart(session, now_ms, &why);
    return rc;
}

bool xlqmp_session_cancel(struct xlqmp_session *session, uint64_t handle)
{
    unsigned int sent = xlqmp_requests_sent(&session->requests);

    if (!xlqmp_requests_cancel(&session->requests, handle))
        return false;
    session->abandoned += sent -
                          xlqmp_requests_sent(&session->requests);
    return true;
}

void xlqmp_session_init(struct xlqmp_session *session, int64_t now_ms)
{
    bool console = session->line == XLQMP_LINE_CONSOLE;

    session->requests = (struct xlqmp_requests){ .first = NULL };
    session->nonce = session->written = 0;
    session->resets = session->offences = 0;
    session->offence_ms = now_ms;
    session->phase_ms = session->resume_ms = XLQMP_NEVER;
    session->one_at_a_time = false;
    session->abandoned = 0;
    session->backoff_ms = 0;
    session->error = (struct xlqmp_error){ .rc = XLQMP_OK };
    session->log_limit = (struct xlqmp_log_limit){ .lines = 0 };
    /* The pause, one command more, one reset. */
    qmp_buf_init(&session->out, XLQMP_OUT_PAUSE + XLQMP_COMMAND_MAX + 1024);
    qmp_buf_init(&session->greeting, GREETING_MAX);
    qmp_framer_init(&session->framer,
                    console ? QMP_FRAMER_SERVER : QMP_FRAMER_STREAM,
                    XLQMP_MESSAGE_MAX);
    session->state = console ? XLQMP_STATE_RESET : XLQMP_STATE_GREETING;
    if (console)
        xlqmp_handshake_ask(session, now_ms);
}

void xlqmp_session_dispose(struct xlqmp_session *session)
{
    xlqmp_requests_dispose(&session->requests);
    qmp_framer_dispose(&session->framer);
    qmp_buf_dispose(&session->out);
    qmp_buf_dispose(&session->greeting);
}
