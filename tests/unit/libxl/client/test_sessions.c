/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All orders of events around libxlqmp's session (session_orders.h). */
#include <sys/types.h>

/* So that two ways to one world meet. */
static ssize_t counted_nonce(void *bytes, size_t n);
#define getrandom(bytes, n, flags) counted_nonce(bytes, n)
#include "libxl/client/handshake.c"
#include "libxl/client/session.h"
#undef getrandom

struct client {
    struct xlqmp_session session;
};

#include "session_orders.h"

static ssize_t counted_nonce(void *bytes, size_t n)
{
    world->nonces++;
    memcpy(bytes, &world->nonces, n);
    return (ssize_t)n;
}

static void on_reply(xlqmp_ctx *ctx, int rc, const char *json,
                     const struct xlqmp_error *error, void *user)
{
    int number = (int)(intptr_t)user;

    (void)ctx;
    if (rc == XLQMP_OK)
        client_answered(number, json);
    else
        client_failed(number, rc == XLQMP_ERROR_QMP ||
                      error->maybe_executed);
}

static void on_event(xlqmp_ctx *ctx, const struct qmp_message *message)
{
    (void)ctx;
    client_event(message);
}

static void client_init(void)
{
    world->client.session = (struct xlqmp_session){
        .line = XLQMP_LINE_CONSOLE, .event = on_event,
    };
    xlqmp_session_init(&world->client.session, 0);
}

static void client_copy(struct client *to, const struct client *from)
{
    struct xlqmp_request **end = &to->session.requests.first;

    buf_copy(&to->session.out, &from->session.out);
    buf_copy(&to->session.greeting, &from->session.greeting);
    buf_copy(&to->session.framer.buf, &from->session.framer.buf);
    for (struct xlqmp_request *r = from->session.requests.first; r;
         r = r->next) {
        *end = text_copy(r, sizeof(*r));
        (*end)->text = text_copy(r->text, r->text_len);
        check(!r->return_json);
        end = &(*end)->next;
    }
}

static void client_dispose(struct client *client)
{
    xlqmp_session_dispose(&client->session);
}

static void client_mix(uint64_t *hash, const struct client *client)
{
    const struct xlqmp_session *s = &client->session;

    mix_number(hash, s->state);
    mix(hash, s->out.data, s->out.len);
    mix(hash, s->greeting.data, s->greeting.len);
    mix_framer(hash, &s->framer);
    for (struct xlqmp_request *r = s->requests.first; r; r = r->next) {
        mix_number(hash, r->handle << 2 | r->state);
        mix_number(hash, r->state == XLQMP_REQUEST_SENT &&
                   r->sent_end > s->written ? r->sent_end - s->written : 0);
    }
    mix_number(hash, s->requests.last_handle);
    mix_number(hash, s->nonce);
    mix_number(hash, (uint64_t)s->phase_ms);
    mix_number(hash, (uint64_t)s->resets << 32 | s->offences);
}

static const struct qmp_buf *client_out(void)
{
    return &world->client.session.out;
}

static void client_sent(size_t n)
{
    xlqmp_session_written(&world->client.session, n);
}

static void client_input(const char *text, size_t n)
{
    xlqmp_session_input(&world->client.session, text, n, world->now);
    check(world->client.session.state != XLQMP_STATE_DEAD);
}

static void client_command(int number)
{
    char name[16];

    snprintf(name, sizeof(name), "c%d", number);
    check_int(xlqmp_session_send(&world->client.session, name, NULL,
                                 XLQMP_NEVER, on_reply,
                                 (void *)(intptr_t)number, NULL), 0);
}

static void client_reset(void)
{
    check_int(xlqmp_session_reset(&world->client.session, world->now,
                                  XLQMP_NEVER, NULL, NULL, NULL), 0);
}

static int64_t client_deadline(void)
{
    return xlqmp_session_deadline(&world->client.session);
}

static void client_tick(void)
{
    xlqmp_session_tick(&world->client.session, world->now);
}

static bool client_is_ready(void)
{
    return world->client.session.state == XLQMP_STATE_READY;
}

static bool client_is_resetting(void)
{
    return world->client.session.state == XLQMP_STATE_RESET;
}

static const char *client_greeting(void)
{
    const struct qmp_buf *greeting = &world->client.session.greeting;

    return greeting->len ? greeting->data : NULL;
}

static unsigned int client_offences(void)
{
    return world->client.session.offences;
}

TAP_MAIN()
