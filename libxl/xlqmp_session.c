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
 * Ids are strings of a nonce and a number. The nonce is new for each
 * reset and each negotiation and can't be guessed. So the answer to the
 * latest reset ends whatever came before it, an answer to an earlier one
 * and our own echo included; and replies to a previous session, or
 * to somebody else who used the line, never match.
 *
 * `written` counts what the transport took. A command that it took
 * whole may have been executed; any other can't have been, for the end of
 * its text is dropped on a reset and the resync byte ends it. Such commands
 * are sent again in the new session.
 *
 * Functions here only mark requests as done. They are called back last, by
 * the entry points, for a callback may call any function of the session.
 */
#include "xlqmp_session.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* A control byte, at which every QMP server drops what it has. */
#define RESYNC "\x18"
/* "x", 16 digits and the terminator. */
#define NONCE_SIZE 18
/* QEMU's is 200 bytes. */
#define GREETING_MAX 65536

static void set_state(struct xlqmp_session *session, enum xlqmp_state state)
{
    enum xlqmp_state from = session->state;

    assert(from != XLQMP_STATE_DEAD);
    assert(state == XLQMP_STATE_RESET || state == XLQMP_STATE_DEAD ||
           state == from + 1 ||
           (from == XLQMP_STATE_RESET && state == XLQMP_STATE_NEGOTIATE));
    session->state = state;
    session->phase_ms = XLQMP_NEVER;
}

/* On a console nothing tells that the peer has gone: try again in ms. */
static void set_phase_limit(struct xlqmp_session *session, int64_t now_ms,
                            int64_t ms)
{
    if (session->line == XLQMP_LINE_CONSOLE)
        session->phase_ms = now_ms + ms;
}

static void error_set(struct xlqmp_error *error, enum xlqmp_rc rc,
                      const char *what, const char *detail)
{
    *error = (struct xlqmp_error){ .rc = rc };
    snprintf(error->desc, sizeof(error->desc), "%s%s%s", what,
             *detail ? ": " : "", detail);
}

static void drop_output(struct xlqmp_session *session)
{
    qmp_buf_consume(&session->out, session->out.len);
}

static bool was_sent(const struct xlqmp_session *session,
                     const struct xlqmp_request *request)
{
    return request->state == XLQMP_REQUEST_SENT &&
           request->sent_end <= session->written;
}

/* For one whose text will not be sent any more. */
static void fail_request(struct xlqmp_session *session,
                         struct xlqmp_request *request,
                         const struct xlqmp_error *why)
{
    struct xlqmp_error error = *why;

    error.maybe_executed = was_sent(session, request);
    xlqmp_request_fail(request, &error);
}

static void die(struct xlqmp_session *session, enum xlqmp_rc rc,
                const char *what, const char *detail)
{
    struct xlqmp_request *r;

    if (session->state == XLQMP_STATE_DEAD)
        return;
    error_set(&session->error, rc, what, detail);
    set_state(session, XLQMP_STATE_DEAD);
    for (r = session->requests.first; r; r = r->next)
        if (r->state != XLQMP_REQUEST_DONE)
            fail_request(session, r, &session->error);
    drop_output(session);
    qmp_framer_reset(&session->framer);
}

static void nonce_text(const struct xlqmp_session *session,
                       char text_r[NONCE_SIZE])
{
    snprintf(text_r, NONCE_SIZE, "x%016" PRIx64, session->nonce);
}

/* Puts one of our own requests into the output, with a new nonce as id. */
static void ask(struct xlqmp_session *session, const char *resync,
                const char *command)
{
    char nonce[NONCE_SIZE];

    while (getrandom(&session->nonce, sizeof(session->nonce), 0) !=
           (ssize_t)sizeof(session->nonce))
        assert(errno == EINTR);
    nonce_text(session, nonce);
    if (qmp_buf_printf(&session->out,
                       "%s{\"execute\":\"%s\",\"id\":\"%s\"}\r\n", resync,
                       command, nonce))
        die(session, XLQMP_ERROR_NOMEM, "out of memory", "");
}

static void ask_reset(struct xlqmp_session *session, int64_t now_ms)
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

/* Enters RESET. why: for those who were waiting for a reply. */
static void begin_reset(struct xlqmp_session *session, int64_t now_ms,
                        const struct xlqmp_error *why)
{
    struct xlqmp_request *r;

    for (r = session->requests.first; r; r = r->next) {
        if (was_sent(session, r))
            fail_request(session, r, why);
        else if (r->state == XLQMP_REQUEST_SENT)
            r->state = XLQMP_REQUEST_WAITING;
    }
    drop_output(session);
    qmp_framer_reset(&session->framer);
    qmp_buf_consume(&session->greeting, session->greeting.len);
    set_state(session, XLQMP_STATE_RESET);
    session->resets = 0;
    ask_reset(session, now_ms);
}

/* The server did what QMP does not allow. */
static void offence(struct xlqmp_session *session, int64_t now_ms,
                    const char *what, const char *why)
{
    struct xlqmp_error error;

    if (session->line == XLQMP_LINE_STREAM) {
        die(session, XLQMP_ERROR_PROTOCOL, what, why);
        return;
    }
    if (now_ms - session->offence_ms > XLQMP_OFFENCE_FORGET_MS)
        session->offences = 0;
    session->offence_ms = now_ms;
    if (++session->offences > XLQMP_OFFENCES_MAX) {
        die(session, XLQMP_ERROR_PROTOCOL,
            "the console broke the protocol again and again; the last time",
            what);
        return;
    }
    xlqmp_log_peer(session->logger, &session->log_limit, now_ms, what, why);
    error_set(&error, XLQMP_ERROR_PROTOCOL, what, why);
    begin_reset(session, now_ms, &error);
}

/* Hands commands to the output, as far as it makes sense. */
static void pump(struct xlqmp_session *session)
{
    static const struct xlqmp_error no_memory = {
        .rc = XLQMP_ERROR_NOMEM, .desc = "no memory to send the command",
    };
    char nonce[NONCE_SIZE];

    if (session->state != XLQMP_STATE_READY)
        return;
    nonce_text(session, nonce);
    for (struct xlqmp_request *r = session->requests.first;
         r && session->out.len < XLQMP_OUT_PAUSE; r = r->next) {
        if (r->state != XLQMP_REQUEST_WAITING)
            continue;
        if (r->for_ready) {
            xlqmp_request_succeed(r, NULL, 0);
        } else if (xlqmp_request_append(r, nonce, &session->out)) {
            fail_request(session, r, &no_memory);
        } else {
            r->state = XLQMP_REQUEST_SENT;
            r->sent_end = session->written + session->out.len - 2;
        }
    }
}

static void negotiate(struct xlqmp_session *session, int64_t now_ms)
{
    set_state(session, XLQMP_STATE_NEGOTIATE);
    set_phase_limit(session, now_ms, XLQMP_NEGOTIATE_WAIT_MS);
    ask(session, "", "qmp_capabilities");
}

/* -1: none that can be kept. */
static int keep_greeting(struct xlqmp_session *session,
                         const struct qmp_message *message)
{
    qmp_buf_consume(&session->greeting, session->greeting.len);
    if (qmp_span_text(message, message->value)[0] != '{' ||
        qmp_buf_append(&session->greeting, message->text, message->len))
        return -1;
    if (qmp_buf_append(&session->greeting, "", 1)) {
        qmp_buf_consume(&session->greeting, session->greeting.len);
        return -1;
    }
    return 0;
}

static void error_from_message(struct xlqmp_error *error_r,
                               const struct qmp_message *message)
{
    *error_r = (struct xlqmp_error){ .rc = XLQMP_ERROR_QMP };
    qmp_message_error(message, error_r->error_class,
                      sizeof(error_r->error_class), error_r->desc,
                      sizeof(error_r->desc));
}

/* The answer to what ask() sent last. */
static void answered(struct xlqmp_session *session,
                     const struct qmp_message *message, int64_t now_ms)
{
    struct xlqmp_error error;

    if (session->state == XLQMP_STATE_RESET) {
        if (message->kind == QMP_RETURN) {
            set_state(session, XLQMP_STATE_GREETING);
            set_phase_limit(session, now_ms, XLQMP_GREETING_WAIT_MS);
        } else {
            negotiate(session, now_ms);
        }
        return;
    }
    if (message->kind == QMP_ERROR) {
        error_from_message(&error, message);
        if (strcmp(error.error_class, "CommandNotFound")) {
            offence(session, now_ms, "the server refuses qmp_capabilities",
                    error.desc);
            return;
        }
    }
    set_state(session, XLQMP_STATE_READY);
    xlqmp_log(session->logger, XTL_DEBUG, "negotiated");
    pump(session);
}

/* The request that a reply in READY belongs to, or NULL. */
static struct xlqmp_request *
request_of(const struct xlqmp_session *session,
           const struct qmp_message *message)
{
    char nonce[NONCE_SIZE];

    /* Some errors come without an id: QEMU, before it has parsed one;
     * StratoVirt, when it throttles. */
    if (!message->id.len)
        return message->kind == QMP_ERROR ?
               xlqmp_requests_only_sent(&session->requests) : NULL;
    nonce_text(session, nonce);
    return xlqmp_requests_by_id(&session->requests, nonce,
                                qmp_span_text(message, message->id),
                                message->id.len);
}

static void reply_in_ready(struct xlqmp_session *session,
                           const struct qmp_message *message,
                           int64_t now_ms)
{
    struct xlqmp_request *request = request_of(session, message);
    struct xlqmp_error error;

    if (!request) {
        error_from_message(&error, message);
        xlqmp_log_peer(session->logger, &session->log_limit, now_ms,
                       "dropped a reply that nothing waits for",
                       message->kind == QMP_ERROR ? error.desc : "");
    } else if (message->kind == QMP_ERROR) {
        error_from_message(&error, message);
        xlqmp_request_fail(request, &error);
    } else {
        xlqmp_request_succeed(request,
                              qmp_span_text(message, message->value),
                              message->value.len);
    }
}

static void greeted(struct xlqmp_session *session,
                    const struct qmp_message *message, int64_t now_ms)
{
    bool wanted = session->state == XLQMP_STATE_GREETING ||
                  (session->state == XLQMP_STATE_NEGOTIATE &&
                   !session->greeting.len);

    if (!wanted)
        offence(session, now_ms, "a second greeting", "");
    else if (keep_greeting(session, message))
        offence(session, now_ms, "a greeting that can't be used", "");
    else if (session->state == XLQMP_STATE_GREETING)
        negotiate(session, now_ms);
}

static void handle_message(struct xlqmp_session *session,
                           const struct qmp_message *message,
                           int64_t now_ms)
{
    bool reply = message->kind == QMP_RETURN || message->kind == QMP_ERROR;
    enum xlqmp_state state = session->state;
    char nonce[NONCE_SIZE];

    nonce_text(session, nonce);
    if (reply && (state == XLQMP_STATE_RESET ||
                  state == XLQMP_STATE_NEGOTIATE)) {
        if (qmp_span_is_string(message, message->id, nonce))
            answered(session, message, now_ms);
    } else if (state == XLQMP_STATE_RESET) {
        /* Whatever it is, it belongs to the old session. */
    } else if (message->kind == QMP_GREETING) {
        greeted(session, message, now_ms);
    } else if (message->kind == QMP_COMMAND) {
        offence(session, now_ms, "the server sent a command", "");
    } else if (state == XLQMP_STATE_READY) {
        if (reply)
            reply_in_ready(session, message, now_ms);
        else
            session->event(session->ctx, message);
    }
}

void xlqmp_session_input(struct xlqmp_session *session, const void *bytes,
                         size_t n, int64_t now_ms)
{
    enum qmp_framer_result result;
    struct qmp_message message;
    const char *text, *why;
    size_t len;

    if (session->state == XLQMP_STATE_DEAD)
        return;
    if (qmp_framer_push(&session->framer, bytes, n))
        die(session, XLQMP_ERROR_NOMEM, "no memory for a message", "");
    while ((result = qmp_framer_next(&session->framer, &text, &len)) !=
           QMP_FRAMER_MORE) {
        if (result == QMP_FRAMER_TOO_LONG)
            why = "too long";
        else if (result == QMP_FRAMER_GARBAGE)
            why = "not a message";
        else if (qmp_message_parse(&message, text, len, &why))
            why = NULL;
        if (!why)
            handle_message(session, &message, now_ms);
        else if (session->state != XLQMP_STATE_RESET)
            offence(session, now_ms, "the server sent what is no QMP", why);
        /* Each message on its own: a callback may reset the session, and
         * then the rest of these bytes is of the old one. */
        xlqmp_requests_deliver(&session->requests, session->ctx);
    }
    xlqmp_requests_deliver(&session->requests, session->ctx);
}

/* What a request that ran out of time was waiting for. */
static const char *obstacle(const struct xlqmp_session *session,
                            const struct xlqmp_request *request)
{
    switch (session->state) {
    case XLQMP_STATE_RESET:
        return "the server does not answer qmp_reset";
    case XLQMP_STATE_GREETING:
        return "the server sends no greeting; another client may be "
               "connected, or QEMU may not run yet";
    case XLQMP_STATE_NEGOTIATE:
        return "the server does not answer qmp_capabilities";
    case XLQMP_STATE_READY:
    case XLQMP_STATE_DEAD:
        break;
    }
    return was_sent(session, request) ?
           "the server does not answer the command" :
           "the server does not take the command";
}

void xlqmp_session_tick(struct xlqmp_session *session, int64_t now_ms)
{
    static const struct xlqmp_error lost = {
        .rc = XLQMP_ERROR_RESET, .desc = "the session had to be reset",
    };
    struct xlqmp_error error;

    for (struct xlqmp_request *r = session->requests.first; r; r = r->next) {
        if (r->state == XLQMP_REQUEST_DONE || r->deadline_ms > now_ms)
            continue;
        error_set(&error, XLQMP_ERROR_TIMEOUT, obstacle(session, r), "");
        /* What stands in the output will yet be sent. */
        error.maybe_executed = r->state == XLQMP_REQUEST_SENT;
        xlqmp_request_fail(r, &error);
    }
    if (session->phase_ms <= now_ms) {
        if (session->state == XLQMP_STATE_RESET)
            ask_reset(session, now_ms);
        else
            begin_reset(session, now_ms, &lost);
    }
    pump(session);
    xlqmp_requests_deliver(&session->requests, session->ctx);
}

void xlqmp_session_lose(struct xlqmp_session *session, const char *why)
{
    die(session, XLQMP_ERROR_LOST, why, "");
    xlqmp_requests_deliver(&session->requests, session->ctx);
}

void xlqmp_session_written(struct xlqmp_session *session, size_t n)
{
    qmp_buf_consume(&session->out, n);
    session->written += n;
    pump(session);
}

int64_t xlqmp_session_deadline(const struct xlqmp_session *session)
{
    int64_t deadline = xlqmp_requests_deadline(&session->requests);

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
        pump(session);
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
        begin_reset(session, now_ms, &why);
    return rc;
}

bool xlqmp_session_cancel(struct xlqmp_session *session, uint64_t handle)
{
    return xlqmp_requests_cancel(&session->requests, handle);
}

void xlqmp_session_init(struct xlqmp_session *session, int64_t now_ms)
{
    bool console = session->line == XLQMP_LINE_CONSOLE;

    session->requests = (struct xlqmp_requests){ .first = NULL };
    session->nonce = session->written = 0;
    session->resets = session->offences = 0;
    session->offence_ms = now_ms;
    session->phase_ms = XLQMP_NEVER;
    session->error = (struct xlqmp_error){ .rc = XLQMP_OK };
    session->log_limit = (struct xlqmp_log_limit){ .lines = 0 };
    /* The pause, one command more, one reset. */
    qmp_buf_init(&session->out, XLQMP_OUT_PAUSE + XLQMP_COMMAND_MAX + 1024);
    qmp_buf_init(&session->greeting, GREETING_MAX);
    /* A server's lines on a console end each error with the line. Over a
     * stream there is no such noise, and JSON may span lines (QEMU's
     * "pretty"): the client's rule. */
    qmp_framer_init(&session->framer,
                    console ? QMP_FRAMER_SERVER : QMP_FRAMER_CLIENT,
                    XLQMP_MESSAGE_MAX);
    session->state = console ? XLQMP_STATE_RESET : XLQMP_STATE_GREETING;
    if (console)
        ask_reset(session, now_ms);
}

void xlqmp_session_dispose(struct xlqmp_session *session)
{
    xlqmp_requests_dispose(&session->requests);
    qmp_framer_dispose(&session->framer);
    qmp_buf_dispose(&session->out);
    qmp_buf_dispose(&session->greeting);
}
