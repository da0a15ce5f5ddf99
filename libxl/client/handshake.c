/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a line that may be in any state to a negotiated session.
 *
 * Every request of ours has a new nonce as its id, which can't be guessed.
 * So the answer to the latest reset ends whatever came before it, an answer
 * to an earlier one and our own echo included.
 */
#include "handshake.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "flow.h"

/* A control byte, at which every QMP server drops what it has. */
#define RESYNC "\x18"

/* On a console nothing tells that the peer has gone: try again in ms. */
static void set_phase_limit(struct xlqmp_session *session, int64_t now_ms,
                            int64_t ms)
{
    if (session->line == XLQMP_LINE_CONSOLE)
        session->phase_ms = now_ms + ms;
}

/* Puts one of our own requests into the output, with a new nonce as id. */
static void ask(struct xlqmp_session *session, const char *resync,
                const char *command)
{
    char nonce[XLQMP_NONCE_SIZE];

    while (getrandom(&session->nonce, sizeof(session->nonce), 0) !=
           (ssize_t)sizeof(session->nonce))
        assert(errno == EINTR);
    xlqmp_state_nonce(session, nonce);
    if (qmp_buf_printf(&session->out,
                       "%s{\"execute\":\"%s\",\"id\":\"%s\"}\r\n", resync,
                       command, nonce))
        xlqmp_flow_end(session, XLQMP_ERROR_NOMEM, "out of memory", "");
}

void xlqmp_handshake_ask(struct xlqmp_session *session, int64_t now_ms)
{
    session->resets++;
    set_phase_limit(session, now_ms,
                    session->resets <= XLQMP_RESET_REPEATS ?
                    XLQMP_RESET_REPEAT_MS : XLQMP_RESET_SLOW_MS);
    /* A line that takes nothing gets no heap of them: the one that waits
     * will do when it moves. */
    if (!session->out.len)
        ask(session, RESYNC, "qmp_reset");
}

void xlqmp_handshake_restart(struct xlqmp_session *session, int64_t now_ms,
                             const struct xlqmp_error *why)
{
    xlqmp_flow_restart(session, why);
    qmp_buf_consume(&session->out, session->out.len);
    qmp_framer_reset(&session->framer);
    qmp_buf_consume(&session->greeting, session->greeting.len);
    xlqmp_state_set(session, XLQMP_STATE_RESET);
    session->resets = 0;
    xlqmp_handshake_ask(session, now_ms);
}

static void negotiate(struct xlqmp_session *session, int64_t now_ms)
{
    xlqmp_state_set(session, XLQMP_STATE_NEGOTIATE);
    set_phase_limit(session, now_ms, XLQMP_NEGOTIATE_WAIT_MS);
    ask(session, "", "qmp_capabilities");
}

void xlqmp_handshake_reply(struct xlqmp_session *session,
                           const struct qmp_message *message,
                           int64_t now_ms)
{
    char nonce[XLQMP_NONCE_SIZE];
    struct xlqmp_error error;

    xlqmp_state_nonce(session, nonce);
    if (session->state == XLQMP_STATE_GREETING ||
        !qmp_span_is_string(message, message->id, nonce))
        return;
    if (session->state == XLQMP_STATE_RESET) {
        if (message->kind == QMP_ERROR) {
            negotiate(session, now_ms);
        } else {
            xlqmp_state_set(session, XLQMP_STATE_GREETING);
            set_phase_limit(session, now_ms, XLQMP_GREETING_WAIT_MS);
        }
        return;
    }
    if (message->kind == QMP_ERROR) {
        xlqmp_error_from_message(&error, message);
        if (strcmp(error.error_class, "CommandNotFound")) {
            xlqmp_handshake_offence(session, now_ms,
                                  "the server refuses qmp_capabilities",
                                  error.desc);
            return;
        }
    }
    xlqmp_state_set(session, XLQMP_STATE_READY);
    xlqmp_log(session->logger, XTL_DEBUG, "negotiated");
    xlqmp_flow_pump(session);
}

/* False: none that can be kept. */
static bool keep(struct xlqmp_session *session,
                 const struct qmp_message *message)
{
    struct qmp_span version, stratovirt;

    qmp_buf_consume(&session->greeting, session->greeting.len);
    if (qmp_span_text(message, message->value)[0] != '{' ||
        qmp_buf_append(&session->greeting, message->text, message->len))
        return false;
    if (qmp_buf_append(&session->greeting, "", 1)) {
        qmp_buf_consume(&session->greeting, session->greeting.len);
        return false;
    }
    session->one_at_a_time =
        qmp_message_member(message, message->value, "version", &version) &&
        qmp_message_member(message, version, "StratoVirt", &stratovirt);
    return true;
}

void xlqmp_handshake_greeting(struct xlqmp_session *session,
                              const struct qmp_message *message,
                              int64_t now_ms)
{
    bool wanted = session->state == XLQMP_STATE_GREETING ||
                  (session->state == XLQMP_STATE_NEGOTIATE &&
                   !session->greeting.len);

    if (!wanted)
        xlqmp_handshake_offence(session, now_ms, "a second greeting", "");
    else if (!keep(session, message))
        xlqmp_handshake_offence(session, now_ms,
                              "a greeting that can't be used", "");
    else if (session->state == XLQMP_STATE_GREETING)
        negotiate(session, now_ms);
}

void xlqmp_handshake_offence(struct xlqmp_session *session, int64_t now_ms,
                           const char *what, const char *detail)
{
    struct xlqmp_error error;

    if (session->line == XLQMP_LINE_STREAM) {
        xlqmp_flow_end(session, XLQMP_ERROR_PROTOCOL, what, detail);
        return;
    }
    if (now_ms - session->offence_ms > XLQMP_OFFENCE_FORGET_MS)
        session->offences = 0;
    session->offence_ms = now_ms;
    if (++session->offences > XLQMP_OFFENCES_MAX) {
        xlqmp_flow_end(session, XLQMP_ERROR_PROTOCOL,
            "the console broke the protocol again and again; the last time",
            what);
        return;
    }
    xlqmp_log_peer(session->logger, &session->log_limit, now_ms, what, detail);
    xlqmp_error_set(&error, XLQMP_ERROR_PROTOCOL, what, detail);
    xlqmp_handshake_restart(session, now_ms, &error);
}
