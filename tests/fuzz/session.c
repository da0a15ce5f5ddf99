/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libxlqmp's state machine, against a server that says anything and a
 * caller that does anything. First byte: the kind of line. Nonces are
 * counted, so that an input can know them.
 */
#include <sys/types.h>

static ssize_t counted_nonce(void *bytes, size_t n);
#define getrandom(bytes, n, flags) counted_nonce(bytes, n)
#include "libxl/client/handshake.c"
#include "libxl/client/session.h"
#undef getrandom

#include "fuzz.h"

enum { ACT_INPUT, ACT_SEND, ACT_RESET, ACT_TICK, ACT_WRITTEN, ACT_CANCEL,
       ACT_LOSE, ACTS };

static uint64_t nonces;
static unsigned int submitted, ended;
static struct xlqmp_session session;

static ssize_t counted_nonce(void *bytes, size_t n)
{
    nonces++;
    memcpy(bytes, &nonces, n);
    return (ssize_t)n;
}

static void on_reply(xlqmp_ctx *ctx, int rc, const char *json,
                     const struct xlqmp_error *error, void *user)
{
    (void)ctx;
    (void)user;
    require(rc == (int)error->rc);
    require(rc == XLQMP_OK || !json);
    /* A reply needs a session. */
    require(rc != XLQMP_ERROR_QMP || session.state >= XLQMP_STATE_READY);
    for (const char *p = error->desc; *p; p++)
        require(*p >= ' ' && *p <= '~');
    ended++;
}

static void on_event(xlqmp_ctx *ctx, const struct qmp_message *message)
{
    (void)ctx;
    require(session.state == XLQMP_STATE_READY);
    require(message->kind == QMP_EVENT);
}

static void send_command(const struct step *step, int64_t now)
{
    char *arguments = step->n > 1 ? strndup(step->bytes, step->n) : NULL;
    int64_t deadline = step->n ? now + step->bytes[0] : XLQMP_NEVER;

    submitted += !xlqmp_session_send(&session, "stop", arguments, deadline,
                                     on_reply, NULL, NULL);
    free(arguments);
}

static void act(const struct step *step, int64_t *now)
{
    size_t n;

    switch (step->act % ACTS) {
    case ACT_INPUT:
        xlqmp_session_input(&session, step->bytes, step->n, *now);
        break;
    case ACT_SEND:
        send_command(step, *now);
        break;
    case ACT_RESET:
        submitted += !xlqmp_session_reset(&session, *now, XLQMP_NEVER,
                                          on_reply, NULL, NULL);
        break;
    case ACT_TICK:
        *now += step->n ? (unsigned char)step->bytes[0] * 100 : 0;
        xlqmp_session_tick(&session, *now);
        break;
    case ACT_WRITTEN:
        n = step->n ? (unsigned char)step->bytes[0] : session.out.len;
        xlqmp_session_written(&session, n < session.out.len ? n :
                              session.out.len);
        break;
    case ACT_CANCEL:
        ended += xlqmp_session_cancel(&session, step->n ?
                                      (unsigned char)step->bytes[0] : 1);
        break;
    case ACT_LOSE:
        xlqmp_session_lose(&session, "gone");
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = { data + 1, size - 1 };
    struct step step;
    int64_t now = 0;

    if (!size)
        return 0;
    nonces = submitted = ended = 0;
    session = (struct xlqmp_session){
        .line = data[0] & 1 ? XLQMP_LINE_CONSOLE : XLQMP_LINE_STREAM,
        .event = on_event,
    };
    xlqmp_session_init(&session, now);
    while (script_next(&script, &step)) {
        act(&step, &now);
        free(step.bytes);
        require(session.requests.n <= XLQMP_COMMANDS_MAX);
        require(session.requests.n == submitted - ended);
        require(session.out.len <= XLQMP_OUT_PAUSE + XLQMP_COMMAND_MAX);
        require(session.state != XLQMP_STATE_DEAD || !session.out.len);
        if (session.state != XLQMP_STATE_READY)
            require(!xlqmp_requests_sent(&session.requests));
    }
    xlqmp_session_lose(&session, "end");
    require(submitted == ended);
    xlqmp_session_dispose(&session);
    return 0;
}
