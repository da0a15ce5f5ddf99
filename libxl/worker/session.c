/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peer is the stubdomain, hostile: every message is framed and parsed
 * here (qmp/framer.h, qmp/message.h), and what breaks QMP costs the peer
 * its session. Console 3 is read in every state, so that the peer never
 * stalls on us and we hold no bytes of its.
 *
 * A peer that answers qmp_reset with CommandNotFound is a QEMU without
 * stubdomd before it. Its greeting is long gone or comes but once; the
 * session goes on with qmp_capabilities, whose CommandNotFound means that
 * somebody has negotiated before. Late replies of an older session are
 * dropped by whoever knows the ids.
 */
#include "session.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "tools/common/log.h"
#include "libxl/qmp/json.h"
#include "greeting.h"
#include "limits.h"

static void set_state(struct session *session, enum session_state state)
{
    /* What may follow, aside from DOWN and what starts again. */
    static const enum session_state next[][2] = {
        [SESSION_DOWN] = { SESSION_RESET, SESSION_RESET },
        [SESSION_PAUSED] = { SESSION_RESET, SESSION_RESET },
        [SESSION_RESET] = { SESSION_HELLO, SESSION_NEGOTIATE },
        [SESSION_HELLO] = { SESSION_NEGOTIATE, SESSION_NEGOTIATE },
        [SESSION_NEGOTIATE] = { SESSION_VERSION, SESSION_UP },
        [SESSION_VERSION] = { SESSION_UP, SESSION_UP },
        [SESSION_UP] = { SESSION_PAUSED, SESSION_PAUSED },
    };

    assert(state == SESSION_DOWN || state == SESSION_PAUSED ||
           state == SESSION_RESET || state == next[session->state][0] ||
           state == next[session->state][1]);
    assert(state == SESSION_DOWN ||
           console_is_connected(&session->console));
    session->state = state;
    loop_timer_clear(session->loop, &session->timer);
}

static void session_start_reset(void *data);

static void session_arm(struct session *session, int64_t ms)
{
    if (loop_timer_set(session->loop, &session->timer, ms,
                       session_start_reset, session))
        log_error("domain %u: out of memory; its QMP session is lost",
                  session->dm_domid);
}

/* Unguessable, so that nothing the peer has ready can match. */
static void session_new_nonce(struct session *session)
{
    uint64_t random;

    while (getrandom(&random, sizeof(random), 0) !=
           (ssize_t)sizeof(random))
        assert(errno == EINTR);
    snprintf(session->nonce, sizeof(session->nonce), "x%016" PRIx64,
             random);
}

/* before: the message; after: behind the command's name. */
static void session_request(struct session *session, const char *before,
                            const char *command, const char *after)
{
    char line[128];
    int n;

    session_new_nonce(session);
    n = snprintf(line, sizeof(line),
                 "%s{\"execute\":\"%s\",%s\"id\":\"%s\"}\r\n", before,
                 command, after, session->nonce);
    /* What can't be queued is asked for again by the timer. */
    console_put(&session->console, line, (size_t)n, NULL);
}

/* Enters RESET or repeats it. */
static void session_start_reset(void *data)
{
    struct session *session = data;

    set_state(session, SESSION_RESET);
    qmp_framer_reset(&session->framer);
    session->fresh_greeting = false;
    /* A console that takes nothing gets no heap of resets: the one it
     * has been given will do when it moves. */
    if (!session->console.out.len)
        session_request(session, "\x18", "qmp_reset", "");
    session->resets++;
    session_arm(session, session->resets < WORKER_RESET_REPEATS ?
                         WORKER_RESET_REPEAT_MS : WORKER_RESET_SLOW_MS);
}

/* Makes the session anew after a pause; tells who was using it. Without a
 * pause the reset still comes a turn later: until then it is known how much
 * of which command was sent. */
static void session_break(struct session *session, int64_t pause_ms)
{
    bool was_up = session->state == SESSION_UP;

    set_state(session, SESSION_PAUSED);
    console_drop_output(&session->console);
    session->resets = 0;
    session_arm(session, pause_ms);
    if (was_up)
        session->hooks->lost(session->data);    /* must be last */
}

void session_restart(struct session *session)
{
    if (session->state == SESSION_UP)
        session_break(session, 0);
}

/* The first time there's no pause. */
static void session_offence(struct session *session, const char *what,
                            const char *why)
{
    int64_t now = loop_now_ms(), pause = 0;

    if (now - session->last_offence_ms > WORKER_OFFENCE_FORGET_MS)
        session->offences = 0;
    session->last_offence_ms = now;
    if (session->offences) {
        unsigned int doublings = session->offences - 1;

        pause = doublings < 10 ? WORKER_OFFENCE_FIRST_MS << doublings :
                WORKER_OFFENCE_LAST_MS;
        if (pause > WORKER_OFFENCE_LAST_MS)
            pause = WORKER_OFFENCE_LAST_MS;
    }
    session->offences++;
    log_guest(session->dm_domid, LOG_LEVEL_WARN,
              "domain %u: console 3 (QMP): the stubdomain sent %s (%s); QMP "
              "is reset", session->dm_domid, what, why);
    session_break(session, pause);              /* must be last */
}

static void session_up(struct session *session)
{
    set_state(session, SESSION_UP);
    session->begun++;
    session->resets = 0;
    console_set_healthy(&session->console);
    log_guest(session->dm_domid, LOG_LEVEL_INFO,
              "domain %u: console 3 (QMP): QEMU is ready", session->dm_domid);
    session->hooks->ready(session->data);       /* must be last */
}

static void session_negotiate(struct session *session)
{
    set_state(session, SESSION_NEGOTIATE);
    session_request(session, "", "qmp_capabilities",
                    session->fresh_greeting && session->oob ?
                    "\"arguments\":{\"enable\":[\"oob\"]}," : "");
    session_arm(session, WORKER_NEGOTIATE_LIMIT_MS);
}

static bool is_command_not_found(const struct qmp_message *message)
{
    char class[32], desc[2];

    if (message->kind != QMP_ERROR)
        return false;
    qmp_message_error(message, class, sizeof(class), desc, sizeof(desc));
    return !strcmp(class, "CommandNotFound");
}

/* The reply to the request whose nonce is current. */
static void session_answered(struct session *session,
                             const struct qmp_message *message)
{
    bool unknown = is_command_not_found(message);

    switch (session->state) {
    case SESSION_RESET:
        if (message->kind == QMP_RETURN) {
            set_state(session, SESSION_HELLO);
            session_arm(session, WORKER_HELLO_LIMIT_MS);
        } else if (unknown) {
            session_negotiate(session);
        }
        break;
    case SESSION_NEGOTIATE:
        if (message->kind != QMP_RETURN && !unknown) {
            session_offence(session, "no answer to qmp_capabilities",
                            "an error");
        } else if (session->fresh_greeting) {
            session_up(session);
        } else {
            set_state(session, SESSION_VERSION);
            session_request(session, "", "query-version", "");
            session_arm(session, WORKER_NEGOTIATE_LIMIT_MS);
        }
        break;
    case SESSION_VERSION:
        greeting_from_version(&session->greeting, message);
        session->oob = false;
        session_up(session);
        break;
    default:
        break;
    }
}

static void session_message(struct session *session,
                            const struct qmp_message *message)
{
    bool reply = message->kind == QMP_RETURN || message->kind == QMP_ERROR;

    if (session->state == SESSION_PAUSED)
        return;
    if (session->state == SESSION_UP) {
        if (reply || message->kind == QMP_EVENT)
            session->hooks->message(session->data, message);
        else
            session_offence(session, message->kind == QMP_COMMAND ?
                            "a command" : "a second greeting",
                            "not expected");
        return;
    }
    if (message->kind == QMP_GREETING && session->state != SESSION_RESET) {
        if (session->fresh_greeting) {
            session_offence(session, "a second greeting", "not expected");
            return;
        }
        session->fresh_greeting = true;
        if (greeting_keep(&session->greeting, message, &session->oob))
            session_offence(session, "a greeting", "unusable");
        else if (session->state == SESSION_HELLO)
            session_negotiate(session);
        return;
    }
    if (reply && session->state != SESSION_HELLO &&
        qmp_span_is_string(message, message->id, session->nonce))
        session_answered(session, message);
}

/* True if it was a reply that can be told to be somebody's. */
static bool session_too_large(struct session *session,
                              const struct qmp_skim *reply)
{
    if (session->state != SESSION_UP || !reply->id_len)
        return false;
    session->hooks->too_large(session->data, reply);
    return true;
}

static void session_bytes(void *data, const char *bytes, size_t n)
{
    struct session *session = data;
    enum qmp_framer_result result;
    struct qmp_message message;
    struct qmp_skim skim;
    const char *text, *why;
    size_t len;

    if (qmp_framer_push(&session->framer, bytes, n)) {
        session_offence(session, "more than there is memory for", "?");
        return;
    }
    while ((result = qmp_framer_next(&session->framer, &text, &len)) !=
           QMP_FRAMER_MORE) {
        /* Before the nonce'd return anything may come. */
        bool strict = session->state > SESSION_RESET;

        if (result == QMP_FRAMER_TOO_LONG) {
            why = "too long";
            if (session_too_large(session, &session->framer.skim))
                continue;
        } else if (result == QMP_FRAMER_GARBAGE) {
            why = "not a message";
        } else if (qmp_message_parse(&message, text, len, &why)) {
            session_message(session, &message);
            continue;
        } else if (qmp_json_is_limit(why)) {
            qmp_skim_init(&skim);
            qmp_skim_read(&skim, text, len);
            if (session_too_large(session, &skim))
                continue;
        }
        if (strict)
            session_offence(session, "what is no QMP", why);
    }
}

static void session_connected(void *data)
{
    struct session *session = data;

    session->resets = 0;
    session_start_reset(session);
}

static void session_lost(void *data, const char *why)
{
    struct session *session = data;
    bool was_up = session->state == SESSION_UP;

    (void)why;                  /* the console has logged it */
    set_state(session, SESSION_DOWN);
    qmp_framer_reset(&session->framer);
    if (was_up)
        session->hooks->lost(session->data);    /* must be last */
}

static void session_drained(void *data)
{
    struct session *session = data;

    if (session_can_send(session))
        session->hooks->ready(session->data);   /* must be last */
}

int session_init(struct session *session)
{
    static const struct console_hooks hooks = {
        .connected = session_connected,
        .lost = session_lost,
        .bytes = session_bytes,
        .drained = session_drained,
    };

    session->state = SESSION_DOWN;
    session->timer = (struct loop_timer){ 0 };
    session->resets = session->offences = 0;
    session->last_offence_ms = 0;
    session->begun = 0;
    session->fresh_greeting = session->oob = false;
    greeting_init(&session->greeting);
    qmp_framer_init(&session->framer, QMP_FRAMER_SERVER, QMP_MESSAGE_MAX);
    session->console = (struct console){
        .loop = session->loop, .path = session->path,
        .dm_domid = session->dm_domid, .name = "console 3 (QMP)",
        .max = WORKER_CONSOLE_MAX, .hooks = &hooks, .data = session,
    };
    return console_init(&session->console);
}

void session_dispose(struct session *session)
{
    loop_timer_clear(session->loop, &session->timer);
    console_dispose(&session->console);
    qmp_framer_dispose(&session->framer);
    qmp_buf_dispose(&session->greeting);
}

bool session_can_send(const struct session *session)
{
    return session->state == SESSION_UP &&
           session->console.out.len < WORKER_CONSOLE_PAUSE;
}

int session_send(struct session *session, const char *text, size_t n,
                 uint64_t *end_r)
{
    assert(session->state == SESSION_UP);
    return console_put(&session->console, text, n, end_r);
}

bool session_was_sent(const struct session *session, uint64_t end)
{
    return session->console.written >= end;
}

const char *session_obstacle(const struct session *session)
{
    switch (session->state) {
    case SESSION_DOWN:
        return "xenconsoled does not serve its QMP console";
    case SESSION_PAUSED:
        return "what it sends is no QMP";
    case SESSION_RESET:
        return "the stubdomain does not answer qmp_reset";
    case SESSION_HELLO:
        return session->greeting.len ? "QEMU does not greet: it hangs, or "
               "has ended" : "the stubdomain's QEMU has not started";
    case SESSION_NEGOTIATE:
    case SESSION_VERSION:
        return "QEMU does not answer qmp_capabilities";
    case SESSION_UP:
        break;
    }
    return "QEMU has too many unanswered commands";
}
