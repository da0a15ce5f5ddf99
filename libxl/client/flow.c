/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands on their way and replies that come back, in READY.
 *
 * `written` counts what the transport took. A command that it took whole
 * may have been executed; any other can't have been, for the end of its
 * text is dropped on a reset and the resync byte ends it. Such commands are
 * sent again in the new session.
 *
 * StratoVirt counts commands: beyond about 100 a second it drops what
 * comes, until a timer of its own has run out, and tells so by one error of
 * class OperationThrottled that has no id. With one command on the way at a
 * time it is clear which one that was. It was not executed, and is sent
 * again after a pause that doubles each time.
 */
#include "flow.h"

#include <string.h>

bool xlqmp_flow_was_sent(const struct xlqmp_session *session,
                         const struct xlqmp_request *request)
{
    return request->state == XLQMP_REQUEST_SENT &&
           request->sent_end <= session->written;
}

void xlqmp_flow_fail(struct xlqmp_session *session,
                     struct xlqmp_request *request,
                     const struct xlqmp_error *why)
{
    struct xlqmp_error error = *why;

    error.maybe_executed = xlqmp_flow_was_sent(session, request);
    xlqmp_request_fail(request, &error);
}

/* May another command be sent now? */
static bool may_send(const struct xlqmp_session *session)
{
    return session->resume_ms == XLQMP_NEVER &&
           session->out.len < XLQMP_OUT_PAUSE &&
           !(session->one_at_a_time &&
             xlqmp_requests_sent(&session->requests));
}

void xlqmp_flow_pump(struct xlqmp_session *session)
{
    static const struct xlqmp_error no_memory = {
        .rc = XLQMP_ERROR_NOMEM, .desc = "no memory to send the command",
    };
    char nonce[XLQMP_NONCE_SIZE];

    if (session->state != XLQMP_STATE_READY)
        return;
    xlqmp_state_nonce(session, nonce);
    for (struct xlqmp_request *r = session->requests.first; r; r = r->next) {
        if (r->state != XLQMP_REQUEST_WAITING)
            continue;
        if (r->for_ready) {
            xlqmp_request_succeed(r, NULL, 0);
        } else if (!may_send(session)) {
            continue;
        } else if (xlqmp_request_append(r, nonce, &session->out)) {
            xlqmp_flow_fail(session, r, &no_memory);
        } else {
            r->state = XLQMP_REQUEST_SENT;
            r->sent_end = session->written + session->out.len - 2;
        }
    }
}

/* The request whose reply has that id, or NULL. */
static struct xlqmp_request *request_by_id(struct xlqmp_session *session,
                                           const char *id, size_t n)
{
    struct xlqmp_request *request;
    char nonce[XLQMP_NONCE_SIZE];

    xlqmp_state_nonce(session, nonce);
    request = xlqmp_requests_by_id(&session->requests, nonce, id, n);
    if (!request && session->abandoned)
        session->abandoned--;
    return request;
}

/* The request that a reply belongs to, or NULL. */
static struct xlqmp_request *
request_of(struct xlqmp_session *session, const struct qmp_message *message)
{
    /* Some errors come without an id: QEMU's, before it has parsed one;
     * StratoVirt's, when it throttles. They are clear if one reply only is
     * owed. */
    if (!message->id.len)
        return message->kind == QMP_ERROR && !session->abandoned &&
               xlqmp_requests_sent(&session->requests) == 1 ?
               xlqmp_requests_first_sent(&session->requests) : NULL;
    return request_by_id(session, qmp_span_text(message, message->id),
                         message->id.len);
}

static void throttle(struct xlqmp_session *session,
                     struct xlqmp_request *request, int64_t now_ms)
{
    session->one_at_a_time = true;
    session->backoff_ms = session->backoff_ms ? 2 * session->backoff_ms :
                          XLQMP_BACKOFF_FIRST_MS;
    if (session->backoff_ms > XLQMP_BACKOFF_MAX_MS)
        session->backoff_ms = XLQMP_BACKOFF_MAX_MS;
    session->resume_ms = now_ms + session->backoff_ms;
    request->state = XLQMP_REQUEST_WAITING;
}

void xlqmp_flow_reply(struct xlqmp_session *session,
                      const struct qmp_message *message, int64_t now_ms)
{
    struct xlqmp_request *request = request_of(session, message);
    struct xlqmp_error error;
    bool throttled = false;

    if (message->kind == QMP_ERROR) {
        xlqmp_error_from_message(&error, message);
        throttled = !strcmp(error.error_class, "OperationThrottled");
    }
    if (!request) {
        xlqmp_log_peer(session->logger, &session->log_limit, now_ms,
                       "dropped a reply that nothing waits for",
                       message->kind == QMP_ERROR ? error.desc : "");
        return;
    }
    if (throttled) {
        throttle(session, request, now_ms);
        return;
    }
    session->backoff_ms = 0;
    if (message->kind == QMP_ERROR)
        xlqmp_request_fail(request, &error);
    else
        xlqmp_request_succeed(request,
                              qmp_span_text(message, message->value),
                              message->value.len);
    xlqmp_flow_pump(session);
}

bool xlqmp_flow_too_large(struct xlqmp_session *session,
                          const struct qmp_skim *reply, int64_t now_ms)
{
    struct xlqmp_request *request;
    struct xlqmp_error error;

    if (!reply->id_len)
        return false;
    request = request_by_id(session, reply->id, reply->id_len);
    if (!request) {
        xlqmp_log_peer(session->logger, &session->log_limit, now_ms,
                       "dropped a reply that nothing waits for",
                       "and that is too large");
        return true;
    }
    xlqmp_error_set(&error, XLQMP_ERROR_TOO_LARGE,
                    reply->error ? "the command has failed, and the answer "
                                   "is too large" :
                    "the command has been executed, and the answer is too "
                    "large", "");
    xlqmp_flow_fail(session, request, &error);
    xlqmp_flow_pump(session);
    return true;
}

void xlqmp_flow_restart(struct xlqmp_session *session,
                        const struct xlqmp_error *why)
{
    for (struct xlqmp_request *r = session->requests.first; r; r = r->next)
        if (xlqmp_flow_was_sent(session, r))
            xlqmp_flow_fail(session, r, why);
        else if (r->state == XLQMP_REQUEST_SENT)
            r->state = XLQMP_REQUEST_WAITING;
    session->one_at_a_time = false;
    session->abandoned = 0;
    session->backoff_ms = 0;
    session->resume_ms = XLQMP_NEVER;
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
    if (session->resume_ms != XLQMP_NEVER)
        return "the server takes so many commands only "
               "(OperationThrottled)";
    return xlqmp_flow_was_sent(session, request) ?
           "the server does not answer the command" :
           "the server does not take the command";
}

void xlqmp_flow_tick(struct xlqmp_session *session, int64_t now_ms)
{
    struct xlqmp_error error;

    for (struct xlqmp_request *r = session->requests.first; r; r = r->next) {
        if (r->state == XLQMP_REQUEST_DONE || r->deadline_ms > now_ms)
            continue;
        xlqmp_error_set(&error, XLQMP_ERROR_TIMEOUT, obstacle(session, r),
                        "");
        /* What stands in the output will yet be sent. */
        error.maybe_executed = r->state == XLQMP_REQUEST_SENT;
        session->abandoned += error.maybe_executed;
        xlqmp_request_fail(r, &error);
    }
    if (session->resume_ms <= now_ms)
        session->resume_ms = XLQMP_NEVER;
}

void xlqmp_flow_end(struct xlqmp_session *session, enum xlqmp_rc rc,
                       const char *what, const char *detail)
{
    struct xlqmp_request *r;

    if (session->state == XLQMP_STATE_DEAD)
        return;
    xlqmp_error_set(&session->error, rc, what, detail);
    xlqmp_state_set(session, XLQMP_STATE_DEAD);
    for (r = session->requests.first; r; r = r->next)
        if (r->state != XLQMP_REQUEST_DONE)
            xlqmp_flow_fail(session, r, &session->error);
    qmp_buf_consume(&session->out, session->out.len);
    qmp_framer_reset(&session->framer);
}
