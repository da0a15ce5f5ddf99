/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All orders of events around the session of qmp-helper's worker
 * (session_orders.h). A reset is what makes it reset in practice: its
 * connection to xenconsoled is lost and made again. What xenconsoled had
 * for it is gone then, what it had for the stubdomain is not.
 */
#include <sys/types.h>

/* So that two ways to one world meet. */
static ssize_t counted_nonce(void *bytes, size_t n);
#define getrandom(bytes, n, flags) counted_nonce(bytes, n)
#include "libxl/worker/session.c"
#undef getrandom

/* The commands in flight, as worker/mux.c has them. */
#define FLIGHT_N 4

struct client {
    struct session session;
    int64_t timer_ms;           /* INT64_MAX: not set */
    struct {
        bool waits;
        uint64_t end;
    } flight[FLIGHT_N];
};

#include "session_orders.h"

static ssize_t counted_nonce(void *bytes, size_t n)
{
    world->nonces++;
    memcpy(bytes, &world->nonces, n);
    return (ssize_t)n;
}

/* --- The loop and the connection, as far as the session uses them ------- */

int64_t loop_now_ms(void)
{
    return world->now;
}

int loop_timer_set(struct loop *loop, struct loop_timer *timer,
                   int64_t delay_ms, loop_timer_fn *fn, void *data)
{
    (void)loop;
    (void)timer;
    check(fn == session_start_reset && data == &world->client.session);
    world->client.timer_ms = world->now + delay_ms;
    return 0;
}

void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
    (void)loop;
    (void)timer;
    world->client.timer_ms = INT64_MAX;
}

int console_init(struct console *console)
{
    qmp_buf_init(&console->out, 1 << 20);
    return 0;
}

void console_dispose(struct console *console)
{
    qmp_buf_dispose(&console->out);
}

bool console_is_connected(const struct console *console)
{
    (void)console;
    return true;
}

int console_put(struct console *console, const char *bytes, size_t n,
                uint64_t *end_r)
{
    check(!qmp_buf_append(&console->out, bytes, n));
    if (end_r)
        *end_r = console->written + console->out.len;
    return 0;
}

void console_drop_output(struct console *console)
{
    qmp_buf_consume(&console->out, console->out.len);
}

void console_set_healthy(struct console *console)
{
    (void)console;
}

/* --- The client --------------------------------------------------------- */

static void on_ready(void *data)
{
    (void)data;
}

static void on_lost(void *data)
{
    struct client *client = &world->client;

    (void)data;
    for (int i = 0; i < FLIGHT_N; i++)
        if (client->flight[i].waits) {
            client->flight[i].waits = false;
            client_failed(i, session_was_sent(&client->session,
                                              client->flight[i].end));
        }
}

static void on_message(void *data, const struct qmp_message *message)
{
    const char *id = qmp_span_text(message, message->id);
    int number;

    (void)data;
    if (message->kind == QMP_EVENT) {
        client_event(message);
        return;
    }
    /* Ids are "x<number>", never used again: the flight table's rule. */
    number = message->id.len > 3 && id[1] == 'x' ? atoi(id + 2) : -1;
    if (number < 0 || number >= FLIGHT_N ||
        !world->client.flight[number].waits)
        return;
    world->client.flight[number].waits = false;
    if (message->kind == QMP_RETURN)
        client_answered(number, message->text);
    else
        client_failed(number, true);
}

static void client_init(void)
{
    static const struct session_hooks hooks = {
        .ready = on_ready, .lost = on_lost, .message = on_message,
    };
    struct session *session = &world->client.session;

    log_open("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
    world->client.timer_ms = INT64_MAX;
    session->hooks = &hooks;
    check(!session_init(session));
    session->console.hooks->connected(session);
}

static void client_copy(struct client *to, const struct client *from)
{
    buf_copy(&to->session.greeting, &from->session.greeting);
    buf_copy(&to->session.framer.buf, &from->session.framer.buf);
    buf_copy(&to->session.console.out, &from->session.console.out);
    to->session.console.data = &to->session;
}

static void client_dispose(struct client *client)
{
    session_dispose(&client->session);
}

static void client_mix(uint64_t *hash, const struct client *client)
{
    const struct session *s = &client->session;

    mix_number(hash, s->state);
    mix(hash, s->console.out.data, s->console.out.len);
    mix(hash, s->greeting.data, s->greeting.len);
    mix_framer(hash, &s->framer);
    for (int i = 0; i < FLIGHT_N; i++)
        mix_number(hash, !client->flight[i].waits ? 0 :
                   client->flight[i].end <= s->console.written ? 1 :
                   client->flight[i].end - s->console.written + 1);
    mix(hash, s->nonce, strlen(s->nonce));
    mix_number(hash, (uint64_t)client->timer_ms);
    mix_number(hash, (uint64_t)s->resets << 32 | s->offences << 1 |
               s->fresh_greeting);
    mix_number(hash, (uint64_t)s->last_offence_ms);
}

static const struct qmp_buf *client_out(void)
{
    return &world->client.session.console.out;
}

static void client_sent(size_t n)
{
    struct console *console = &world->client.session.console;

    qmp_buf_consume(&console->out, n);
    console->written += n;
    console->hooks->drained(&world->client.session);
}

static void client_input(const char *text, size_t n)
{
    session_bytes(&world->client.session, text, n);
}

static void client_command(int number)
{
    struct client *client = &world->client;
    char text[64];
    int n = snprintf(text, sizeof(text),
                     "{\"execute\":\"c%d\",\"id\":\"x%d\"}\r\n", number,
                     number);

    client->flight[number].waits = true;
    check(!session_send(&client->session, text, (size_t)n,
                        &client->flight[number].end));
}

static void client_reset(void)
{
    struct session *session = &world->client.session;

    session->console.hooks->lost(session, "gone");
    qmp_buf_consume(&session->console.out, session->console.out.len);
    world->to_client.n = 0;
    session->console.hooks->connected(session);
}

static int64_t client_deadline(void)
{
    return world->client.timer_ms;
}

static void client_tick(void)
{
    world->client.timer_ms = INT64_MAX;
    session_start_reset(&world->client.session);
}

static bool client_is_ready(void)
{
    return world->client.session.state == SESSION_UP;
}

static bool client_is_resetting(void)
{
    return world->client.session.state == SESSION_RESET;
}

static const char *client_greeting(void)
{
    const struct session *s = &world->client.session;

    return s->fresh_greeting && s->greeting.len ? s->greeting.data : NULL;
}

static unsigned int client_offences(void)
{
    return world->client.session.offences;
}

TAP_MAIN()
