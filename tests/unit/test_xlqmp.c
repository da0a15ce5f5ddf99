/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The session of libxlqmp: bytes in, bytes out, time as an argument. */
#include "xlqmp_session.h"

#include "fake_qmp.h"
#include "tap.h"

#define NOT_FOUND \
    "{\"id\": \"%s\", \"error\": {\"class\": \"CommandNotFound\", " \
    "\"desc\": \"The command qmp_reset has not been found\"}}\r\n"

static struct xlqmp_session session;
static int64_t now = 1000;

/* What a callback was told, and how often. */
struct seen {
    int calls;
    struct xlqmp_error error;
    char json[256];
};

static int events;
static char event_text[256];

static void on_event(xlqmp_ctx *ctx, const struct qmp_message *message)
{
    (void)ctx;
    events++;
    snprintf(event_text, sizeof(event_text), "%.*s", (int)message->len,
             message->text);
}

static void on_reply(xlqmp_ctx *ctx, int rc, const char *json,
                     const struct xlqmp_error *error, void *user)
{
    struct seen *seen = user;

    (void)ctx;
    check_int(rc, error->rc);
    seen->calls++;
    seen->error = *error;
    snprintf(seen->json, sizeof(seen->json), "%s", json ? json : "-");
}

static void begin(enum xlqmp_line line)
{
    session = (struct xlqmp_session){ .line = line, .event = on_event };
    xlqmp_session_init(&session, now);
}

static void feed(const char *text)
{
    xlqmp_session_input(&session, text, strlen(text), now);
}

static void feedf(const char *fmt, const char *id)
{
    char text[1024];

    snprintf(text, sizeof(text), fmt, id);
    feed(text);
}

/* What it wants to send, as the transport takes all of it. */
static const char *said(void)
{
    static char text[4 * XLQMP_COMMAND_MAX];
    size_t n = session.out.len;

    check(n < sizeof(text));
    if (n)
        memcpy(text, session.out.data, n);
    text[n] = '\0';
    xlqmp_session_written(&session, n);
    return text;
}

/* True if the text is among what waits to be sent. */
static bool waits(const char *text)
{
    return memmem(session.out.data, session.out.len, text, strlen(text));
}

/* The last id in text, without quotes. */
static const char *id_in(const char *text)
{
    static char ids[8][64];
    static int next;
    const char *found = NULL;
    char *id = ids[next++ % 8];

    for (; (text = strstr(text, "\"id\":\"")); text += 6)
        found = text + 6;
    check(found);
    snprintf(id, 64, "%.*s", (int)strcspn(found, "\""), found);
    return id;
}

static void send_command(const char *command, struct seen *seen)
{
    check_int(xlqmp_session_send(&session, command, NULL, XLQMP_NEVER,
                                 on_reply, seen, NULL), 0);
}

static void tick(int64_t ms)
{
    now += ms;
    xlqmp_session_tick(&session, now);
}

#define RETURN "{\"return\": {}, \"id\": \"%s\"}\r\n"

static void become_ready(void)
{
    if (session.state == XLQMP_STATE_RESET)
        feedf(RETURN, id_in(said()));
    feed(FAKE_GREETING "\r\n");
    feedf(RETURN, id_in(said()));
    check_int(session.state, XLQMP_STATE_READY);
}

TEST(a_stream_is_greeted_and_negotiates_before_commands_go)
{
    struct seen seen = { 0 };

    begin(XLQMP_LINE_STREAM);
    send_command("query-status", &seen);
    tick(0);
    check_str(said(), "");
    feed(FAKE_GREETING "\r\n");
    check_str(session.greeting.data, FAKE_GREETING);
    feedf(RETURN, id_in(said()));
    check(waits("{\"execute\":\"query-status\",\"id\":"));
    check_int(seen.calls, 0);
    feedf("{\"return\": {\"a\":  1.50}, \"id\": \"%s\"}\r\n", id_in(said()));
    check_int(seen.calls, 1);
    check_int(seen.error.rc, XLQMP_OK);
    check_str(seen.json, "{\"a\":  1.50}");
}

TEST(bytes_may_come_one_at_a_time_and_json_may_span_lines)
{
    const char *greeting = "{\n  \"QMP\": {\n \"version\": {\"StratoVirt\": "
                           "{}}, \"capabilities\": []}\n}\n";

    begin(XLQMP_LINE_STREAM);
    for (const char *p = greeting; *p; p++) {
        check_int(session.state, XLQMP_STATE_GREETING + (p[0] == '\n' &&
                                                         !p[1]));
        xlqmp_session_input(&session, p, 1, now);
    }
    check_int(session.state, XLQMP_STATE_NEGOTIATE);
}

TEST(a_stream_without_a_greeting_gets_nothing_but_a_time_out)
{
    struct seen seen = { 0 };

    begin(XLQMP_LINE_STREAM);
    xlqmp_session_send(&session, "stop", NULL, now + 5000, on_reply, &seen,
                       NULL);
    check_int(xlqmp_session_deadline(&session), now + 5000);
    tick(4999);
    check_int(seen.calls, 0);
    tick(1);
    check_int(seen.error.rc, XLQMP_ERROR_TIMEOUT);
    check(!seen.error.maybe_executed);
    check(strstr(seen.error.desc, "greeting"));
    check_str(said(), "");
    check_int(xlqmp_session_deadline(&session), XLQMP_NEVER);
}

TEST(a_console_begins_with_qmp_reset_and_drops_all_before_its_return)
{
    const char *line, *nonce;
    char echo[256];

    begin(XLQMP_LINE_CONSOLE);
    line = said();
    check_int(line[0], 0x18);
    check(strstr(line, "{\"execute\":\"qmp_reset\",\"id\":\"x"));
    check(strstr(line, "\"}\r\n"));
    nonce = id_in(line);
    check_int(strlen(nonce), 17);
    snprintf(echo, sizeof(echo), "^X%s", line + 1);
    feed(echo);
    snprintf(echo, sizeof(echo), "%s", line);
    feed(echo);
    feed("[    1.2] Linux\r\n\x80\xff{\"ret\r\n{\"return\": 1, \"id\": 3}\n");
    feed("{\"return\": {}, \"id\": \"x0000000000000000\"}\r\n");
    feed(FAKE_GREETING "\r\n{\"event\": \"STOP\"}\r\n");
    check_int(session.state, XLQMP_STATE_RESET);
    feed("{\"half a mess");
    feedf("\r\n" RETURN, nonce);
    check_int(session.state, XLQMP_STATE_GREETING);
    check_int(session.greeting.len, 0);
    feed(FAKE_GREETING "\r\n");
    feedf(RETURN, id_in(said()));
    check_int(session.state, XLQMP_STATE_READY);
    check_int(events, 0);
    check_int(session.offences, 0);
}

TEST(a_reset_is_repeated_with_a_new_nonce_and_only_that_counts)
{
    const char *first, *second;

    begin(XLQMP_LINE_CONSOLE);
    first = id_in(said());
    tick(XLQMP_RESET_REPEAT_MS - 1);
    check_str(said(), "");
    tick(1);
    second = id_in(said());
    check(strcmp(first, second));
    feedf(RETURN FAKE_GREETING "\r\n", first);
    check_int(session.state, XLQMP_STATE_RESET);
    feedf(RETURN, second);
    check_int(session.state, XLQMP_STATE_GREETING);
}

TEST(resets_do_not_pile_up_and_become_rarer)
{
    const char *line;
    int n = 0;

    begin(XLQMP_LINE_CONSOLE);
    for (int i = 0; i < 100; i++)
        tick(XLQMP_RESET_REPEAT_MS);
    line = said();
    check_int(*line, 0x18);
    check(!strchr(line + 1, 0x18));
    for (int i = 0; i < 60; i++) {
        tick(1000);
        n += *said() != 0;
    }
    check_int(n, 60000 / XLQMP_RESET_SLOW_MS);
}

TEST(a_peer_without_qmp_reset_is_negotiated_with)
{
    begin(XLQMP_LINE_CONSOLE);
    feedf(NOT_FOUND, id_in(said()));
    check_int(session.state, XLQMP_STATE_NEGOTIATE);
    /* It was negotiated by somebody before. */
    feedf(NOT_FOUND, id_in(said()));
    check_int(session.state, XLQMP_STATE_READY);
    check_int(session.greeting.len, 0);
}

TEST(a_negotiation_that_is_refused_is_the_end)
{
    struct seen seen = { 0 };

    begin(XLQMP_LINE_STREAM);
    send_command("stop", &seen);
    feed(FAKE_GREETING "\r\n");
    feedf("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, "
          "\"id\": \"%s\"}\r\n", id_in(said()));
    check_int(session.state, XLQMP_STATE_DEAD);
    check_int(seen.error.rc, XLQMP_ERROR_PROTOCOL);
    check(strstr(seen.error.desc, "no"));
}

TEST(a_console_that_never_greets_is_reset_again)
{
    begin(XLQMP_LINE_CONSOLE);
    feedf(RETURN, id_in(said()));
    tick(XLQMP_GREETING_WAIT_MS - 1);
    check_str(said(), "");
    tick(1);
    check(waits("qmp_reset"));
    become_ready();
}

TEST(a_console_that_never_negotiates_is_reset_again)
{
    begin(XLQMP_LINE_CONSOLE);
    feedf(RETURN FAKE_GREETING "\r\n", id_in(said()));
    check(strstr(said(), "qmp_capabilities"));
    tick(XLQMP_NEGOTIATE_WAIT_MS);
    check(strstr(said(), "qmp_reset"));
}

TEST(errors_of_the_server_are_passed_on_printable)
{
    struct seen seen = { 0 };

    begin(XLQMP_LINE_STREAM);
    become_ready();
    send_command("cont", &seen);
    feedf("{\"id\": \"%s\", \"error\": {\"class\": \"GenericError\", "
          "\"desc\": \"bad\\nthing\\u009b\"}}\r\n", id_in(said()));
    check_int(seen.error.rc, XLQMP_ERROR_QMP);
    check_str(seen.error.error_class, "GenericError");
    check_str(seen.error.desc, "bad?thing??");
    check_str(seen.json, "-");
    check_int(session.state, XLQMP_STATE_READY);
}

TEST(replies_with_ids_not_issued_are_dropped)
{
    struct seen first = { 0 }, second = { 0 };
    const char *id;
    char wrong[128];

    begin(XLQMP_LINE_STREAM);
    become_ready();
    send_command("a", &first);
    send_command("b", &second);
    id = id_in(said());
    feed("{\"return\": {}}\r\n{\"return\": {}, \"id\": null}\r\n"
         "{\"return\": {}, \"id\": 2}\r\n"
         "{\"error\": {\"class\": \"GenericError\", \"desc\": \"\"}}\r\n");
    for (int i = 0; i < 4; i++) {
        static const char *const forms[] = { "%s0", "0%s", "%s ", "%.17s" };

        snprintf(wrong, sizeof(wrong), forms[i], id);
        feedf(RETURN, wrong);
    }
    /* The right number of another session. */
    snprintf(wrong, sizeof(wrong), "x0123456789abcdef%s", id + 17);
    feedf(RETURN, wrong);
    check_int(first.calls + second.calls, 0);
    feedf(RETURN, id);
    feedf(RETURN, id);
    check_int(first.calls, 0);
    check_int(second.calls, 1);
}

TEST(an_error_without_id_is_the_only_commands)
{
    struct seen seen = { 0 };

    begin(XLQMP_LINE_STREAM);
    become_ready();
    send_command("a", &seen);
    said();
    feed("{\"error\":{\"class\":\"GenericError\",\"desc\":\"\"}}\r\n");
    check_int(seen.error.rc, XLQMP_ERROR_QMP);
    check_str(seen.error.error_class, "GenericError");
}

TEST(a_command_times_out_once_and_its_late_reply_is_dropped)
{
    struct seen seen = { 0 }, other = { 0 };
    const char *id;

    begin(XLQMP_LINE_STREAM);
    become_ready();
    xlqmp_session_send(&session, "a", NULL, now + 100, on_reply, &seen,
                       NULL);
    id = id_in(said());
    send_command("b", &other);
    tick(100);
    check_int(seen.error.rc, XLQMP_ERROR_TIMEOUT);
    check(seen.error.maybe_executed);
    feedf(RETURN, id);
    tick(100);
    check_int(seen.calls, 1);
    feedf(RETURN, id_in(said()));
    check_int(other.calls, 1);
}

TEST(a_lost_connection_ends_all_that_waits_and_says_what_was_sent)
{
    struct seen sent = { 0 }, half = { 0 }, unsent = { 0 };

    begin(XLQMP_LINE_STREAM);
    become_ready();
    send_command("a", &sent);
    said();
    send_command("b", &half);
    /* All but the closing bracket and CRLF. */
    xlqmp_session_written(&session, session.out.len - 3);
    send_command("c", &unsent);
    xlqmp_session_lose(&session, "gone");
    xlqmp_session_lose(&session, "gone again");
    check_int(sent.error.rc, XLQMP_ERROR_LOST);
    check_str(sent.error.desc, "gone");
    check(sent.error.maybe_executed);
    check(!half.error.maybe_executed);
    check(!unsent.error.maybe_executed);
    check_int(sent.calls + half.calls + unsent.calls, 3);
    check_int(xlqmp_session_send(&session, "d", NULL, XLQMP_NEVER, on_reply,
                                 &sent, NULL), XLQMP_ERROR_LOST);
    feed(FAKE_GREETING);
    tick(100000);
    check_int(sent.calls, 1);
    check_str(said(), "");
    xlqmp_session_dispose(&session);
    xlqmp_session_dispose(&session);
}

static const char *const no_qmp[] = {
    "what?\r\n", "[]\r\n", "{\"return\": }\r\n", "{}\r\n", "{}}\r\n",
    "{\"return\": 1, \"error\": 2}\r\n", "{\"return\": \"\xff\"}\r\n",
    FAKE_GREETING "\r\n", "{\"execute\": \"quit\"}\r\n",
    "{\"event\": 5}\r\n",
};
#define NO_QMP_N (sizeof(no_qmp) / sizeof(no_qmp[0]))

TEST(what_is_no_qmp_ends_a_stream)
{
    for (size_t i = 0; i < NO_QMP_N; i++) {
        struct seen seen = { 0 };

        begin(XLQMP_LINE_STREAM);
        become_ready();
        send_command("a", &seen);
        said();
        feed(no_qmp[i]);
        check_int(session.state, XLQMP_STATE_DEAD);
        check_int(seen.calls, 1);
        check_int(seen.error.rc, XLQMP_ERROR_PROTOCOL);
        check(seen.error.maybe_executed);
        xlqmp_session_dispose(&session);
    }
}

TEST(what_is_no_qmp_resets_a_console_which_goes_on)
{
    begin(XLQMP_LINE_CONSOLE);
    for (size_t i = 0; i < NO_QMP_N; i++) {
        struct seen sent = { 0 }, unsent = { 0 };

        become_ready();
        send_command("a", &sent);
        said();
        send_command("b", &unsent);
        feed(no_qmp[i]);
        check_int(session.state, XLQMP_STATE_RESET);
        check_int(sent.error.rc, XLQMP_ERROR_PROTOCOL);
        check_int(unsent.calls, 0);
        become_ready();
        check(waits("\"execute\":\"b\""));
        check(!waits("\"execute\":\"a\""));
        feedf(RETURN, id_in(said()));
        check_int(unsent.error.rc, XLQMP_OK);
        tick(XLQMP_OFFENCE_FORGET_MS + 1);
        xlqmp_session_reset(&session, now, XLQMP_NEVER, NULL, NULL, NULL);
    }
}

TEST(a_console_that_goes_on_breaking_qmp_is_given_up)
{
    int resets = 0;

    begin(XLQMP_LINE_CONSOLE);
    while (session.state != XLQMP_STATE_DEAD) {
        become_ready();
        feed("garbage\r\n");
        check(++resets <= XLQMP_OFFENCES_MAX + 1);
    }
    check_int(resets, XLQMP_OFFENCES_MAX + 1);
    check_int(session.error.rc, XLQMP_ERROR_PROTOCOL);
}

static void feed_much(const char *head, size_t n)
{
    static char chunk[QMP_FRAMER_CHUNK];

    feed(head);
    memset(chunk, 'x', sizeof(chunk));
    for (size_t i = 0; i < n; i += sizeof(chunk))
        xlqmp_session_input(&session, chunk, sizeof(chunk), now);
}

TEST(a_message_that_is_too_long_ends_a_stream_and_resets_a_console)
{
    begin(XLQMP_LINE_STREAM);
    become_ready();
    feed_much("{\"event\": \"", XLQMP_MESSAGE_MAX);
    check_int(session.error.rc, XLQMP_ERROR_PROTOCOL);
    xlqmp_session_dispose(&session);

    begin(XLQMP_LINE_CONSOLE);
    become_ready();
    feed_much("{\"event\": \"", XLQMP_MESSAGE_MAX);
    check_int(session.state, XLQMP_STATE_RESET);
    check(session.framer.buf.size < 2 * QMP_FRAMER_CHUNK);
    feed("\r\n");
    become_ready();
}

TEST(a_reset_fails_what_was_sent_and_keeps_what_was_not)
{
    struct seen sent = { 0 }, unsent = { 0 }, reset = { 0 };
    const char *old;

    begin(XLQMP_LINE_STREAM);
    become_ready();
    send_command("a", &sent);
    old = id_in(said());
    send_command("b", &unsent);
    xlqmp_session_written(&session, 5);
    check_int(xlqmp_session_reset(&session, now, XLQMP_NEVER, on_reply,
                                  &reset, NULL), 0);
    /* Calls back from the loop only, which must not sleep. */
    check_int(sent.calls, 0);
    check_int(xlqmp_session_deadline(&session), 0);
    tick(0);
    check_int(sent.error.rc, XLQMP_ERROR_RESET);
    check(sent.error.maybe_executed);
    check_int(session.out.data[0], 0x18);
    feedf(RETURN, old);
    check_int(reset.calls, 0);
    become_ready();
    check_int(reset.calls, 1);
    check_int(reset.error.rc, XLQMP_OK);
    check(waits("{\"execute\":\"b\""));
    feedf(RETURN, id_in(said()));
    check_int(unsent.error.rc, XLQMP_OK);
    check_int(sent.calls, 1);
}

TEST(a_reset_of_a_stream_is_not_repeated_but_times_out)
{
    struct seen reset = { 0 };

    begin(XLQMP_LINE_STREAM);
    become_ready();
    xlqmp_session_reset(&session, now, now + 60000, on_reply, &reset, NULL);
    check(strstr(said(), "qmp_reset"));
    tick(59999);
    check_str(said(), "");
    tick(1);
    check_int(reset.error.rc, XLQMP_ERROR_TIMEOUT);
}

static void reset_again(xlqmp_ctx *ctx, int rc, const char *json,
                        const struct xlqmp_error *error, void *user)
{
    (void)ctx;
    (void)rc;
    (void)error;
    xlqmp_session_reset(&session, now, XLQMP_NEVER, on_reply, user, NULL);
    /* Still there, though the session dropped its input. */
    check_str(json, "{}");
}

TEST(a_callback_may_reset_and_the_rest_of_the_input_is_of_the_old_session)
{
    struct seen reset = { 0 }, other = { 0 };
    const char *a, *b;
    char text[512];

    begin(XLQMP_LINE_STREAM);
    become_ready();
    check_int(xlqmp_session_send(&session, "a", NULL, XLQMP_NEVER,
                                 reset_again, &reset, NULL), 0);
    a = id_in(said());
    send_command("b", &other);
    b = id_in(said());
    snprintf(text, sizeof(text), RETURN RETURN "{\"event\":\"STOP\"}\r\n", a,
             b);
    feed(text);
    check_int(other.error.rc, XLQMP_ERROR_RESET);
    check_int(events, 0);
    become_ready();
    check_int(reset.calls, 1);
}

TEST(a_reset_forgets_half_a_message)
{
    begin(XLQMP_LINE_STREAM);
    become_ready();
    feed("{\"return\": {\"a\": \"");
    xlqmp_session_reset(&session, now, XLQMP_NEVER, NULL, NULL, NULL);
    become_ready();
}

static uint64_t to_cancel;

static void cancel_another(xlqmp_ctx *ctx, int rc, const char *json,
                           const struct xlqmp_error *error, void *user)
{
    check(xlqmp_session_cancel(&session, to_cancel));
    on_reply(ctx, rc, json, error, user);
}

TEST(a_callback_may_cancel_any_other)
{
    struct seen cancelled = { 0 }, first = { 0 }, last = { 0 };

    begin(XLQMP_LINE_STREAM);
    xlqmp_session_send(&session, "a", NULL, XLQMP_NEVER, on_reply,
                       &cancelled, &to_cancel);
    xlqmp_session_send(&session, "b", NULL, now + 5, cancel_another, &first,
                       NULL);
    xlqmp_session_send(&session, "c", NULL, now + 5, on_reply, &last, NULL);
    tick(5);
    check_int(cancelled.calls, 0);
    check_int(first.calls, 1);
    check_int(last.calls, 1);
    check(!session.requests.first);
    check_int(session.requests.n, 0);
}

TEST(events_come_once_negotiated)
{
    begin(XLQMP_LINE_STREAM);
    feed("{\"event\": \"STOP\"}\r\n");
    check_int(events, 0);
    become_ready();
    feed("{\"timestamp\": {}, \"event\": \"STOP\"}\r\n");
    check_int(events, 1);
    check_str(event_text, "{\"timestamp\": {}, \"event\": \"STOP\"}");
}

TEST(what_is_cancelled_is_not_called_back)
{
    struct seen seen = { 0 };
    uint64_t handle;

    begin(XLQMP_LINE_STREAM);
    become_ready();
    xlqmp_session_send(&session, "a", NULL, now + 10, on_reply, &seen,
                       &handle);
    check(xlqmp_session_cancel(&session, handle));
    check(!xlqmp_session_cancel(&session, handle));
    feedf(RETURN, id_in(said()));
    tick(100);
    check_int(seen.calls, 0);
}

TEST(arguments_are_one_object_on_one_line)
{
    static const char *const bad[] = {
        "", "5", "[]", "{", "{}{}", "{\"a\":1} x", "\"{}\"", "{'a':1}",
        "{\"a\":\"\xff\"}",
    };

    begin(XLQMP_LINE_STREAM);
    become_ready();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check_int(xlqmp_session_send(&session, "a", bad[i], XLQMP_NEVER,
                                     NULL, NULL, NULL),
                  XLQMP_ERROR_INVAL);
    check_int(xlqmp_session_send(&session, "", NULL, XLQMP_NEVER, NULL,
                                 NULL, NULL), XLQMP_ERROR_INVAL);
    check_int(session.requests.n, 0);
    check_int(xlqmp_session_send(&session, "quo\"te", "\t{\"a\":\r\n[1]}",
                                 XLQMP_NEVER, NULL, NULL, NULL), 0);
    check(waits("{\"execute\":\"quo\\\"te\","
                 "\"arguments\": {\"a\":  [1]},\"id\":\"x"));
}

TEST(commands_have_a_length_and_a_number)
{
    char *arguments = malloc(XLQMP_COMMAND_MAX + 100);

    begin(XLQMP_LINE_STREAM);
    memset(arguments, ' ', XLQMP_COMMAND_MAX + 100);
    memcpy(arguments, "{}", 2);
    arguments[XLQMP_COMMAND_MAX] = '\0';
    check_int(xlqmp_session_send(&session, "a", arguments, XLQMP_NEVER,
                                 NULL, NULL, NULL), XLQMP_ERROR_INVAL);
    arguments[XLQMP_COMMAND_MAX - 100] = '\0';
    for (int i = 0; i < XLQMP_COMMANDS_MAX; i++)
        check_int(xlqmp_session_send(&session, "a", arguments, XLQMP_NEVER,
                                     NULL, NULL, NULL), 0);
    check_int(xlqmp_session_send(&session, "a", NULL, XLQMP_NEVER, NULL,
                                 NULL, NULL), XLQMP_ERROR_BUSY);
    /* All are sent in the end, but never more than fits. */
    become_ready();
    while (*said())
        continue;
    for (struct xlqmp_request *r = session.requests.first; r; r = r->next)
        check_int(r->state, XLQMP_REQUEST_SENT);
    free(arguments);
}

#define STRATOVIRT "{\"QMP\": {\"version\": {\"StratoVirt\": {\"micro\": 1, " \
    "\"minor\": 3, \"major\": 4}, \"package\": \"StratoVirt-4.1.3\"}, " \
    "\"capabilities\": []}}\n"
#define THROTTLED "{\"error\": {\"class\": \"OperationThrottled\", " \
    "\"desc\": \"limited\"}}\n"

static void become_ready_with_stratovirt(void)
{
    begin(XLQMP_LINE_STREAM);
    feed(STRATOVIRT);
    feedf(RETURN, id_in(said()));
    check_int(session.state, XLQMP_STATE_READY);
}

TEST(stratovirt_gets_one_command_at_a_time)
{
    struct seen a = { 0 }, b = { 0 };

    become_ready_with_stratovirt();
    send_command("a", &a);
    send_command("b", &b);
    check(waits("\"a\"") && !waits("\"b\""));
    feedf(RETURN, id_in(said()));
    check_int(a.calls, 1);
    check(waits("\"b\""));
    feedf(RETURN, id_in(said()));
    check_int(b.calls, 1);
}

TEST(what_is_throttled_is_sent_again_after_a_pause_that_grows)
{
    struct seen a = { 0 }, b = { 0 };
    int64_t pause = XLQMP_BACKOFF_FIRST_MS;

    become_ready_with_stratovirt();
    send_command("a", &a);
    send_command("b", &b);
    for (int i = 0; i < 10; i++) {
        check(strstr(said(), "\"a\""));
        feed(THROTTLED);
        check_int(xlqmp_session_deadline(&session), now + pause);
        tick(pause - 1);
        check_str(said(), "");
        tick(1);
        pause = 2 * pause < XLQMP_BACKOFF_MAX_MS ? 2 * pause :
                XLQMP_BACKOFF_MAX_MS;
    }
    check_int(a.calls, 0);
    feedf(RETURN, id_in(said()));
    check_int(a.error.rc, XLQMP_OK);
    check_int(a.calls, 1);
    /* Peace: the next pause is short again. */
    check(strstr(said(), "\"b\""));
    feed(THROTTLED);
    check_int(xlqmp_session_deadline(&session),
              now + XLQMP_BACKOFF_FIRST_MS);
    tick(XLQMP_BACKOFF_FIRST_MS);
    feedf(RETURN, id_in(said()));
    check_int(b.calls, 1);
    check_int(xlqmp_session_deadline(&session), XLQMP_NEVER);
}

TEST(what_is_throttled_until_its_deadline_was_not_executed)
{
    struct seen seen = { 0 };

    become_ready_with_stratovirt();
    check_int(xlqmp_session_send(&session, "a", NULL, now + 10, on_reply,
                                 &seen, NULL), 0);
    said();
    feed(THROTTLED);
    tick(10);
    check_int(seen.error.rc, XLQMP_ERROR_TIMEOUT);
    check(!seen.error.maybe_executed);
    check(strstr(seen.error.desc, "OperationThrottled"));
}

TEST(an_error_without_id_is_nobodys_after_a_command_was_given_up)
{
    struct seen a = { 0 }, b = { 0 };
    const char *late;

    become_ready_with_stratovirt();
    check_int(xlqmp_session_send(&session, "a", NULL, now + 10, on_reply,
                                 &a, NULL), 0);
    late = id_in(said());
    tick(10);
    check_int(a.calls, 1);
    /* Of a or of b? Were b sent again, it might be executed twice. */
    send_command("b", &b);
    said();
    feed(THROTTLED);
    tick(XLQMP_BACKOFF_MAX_MS);
    check_str(said(), "");
    check_int(b.calls, 0);
    /* Once a has been answered, it is clear. */
    feedf(RETURN, late);
    feed(THROTTLED);
    tick(XLQMP_BACKOFF_FIRST_MS);
    check(strstr(said(), "\"b\""));
}

TEST(a_throttled_session_that_is_reset_begins_afresh)
{
    struct seen a = { 0 };

    become_ready_with_stratovirt();
    send_command("a", &a);
    said();
    feed(THROTTLED);
    xlqmp_session_reset(&session, now, XLQMP_NEVER, NULL, NULL, NULL);
    become_ready();
    check(waits("\"a\""));
    check_int(a.calls, 0);
}

TEST(the_server_cannot_fill_the_log)
{
    struct xlqmp_log_limit limit = { 0 };
    char *text = NULL;
    size_t n;
    FILE *file = open_memstream(&text, &n);
    xentoollog_logger *logger = (xentoollog_logger *)
        xtl_createlogger_stdiostream(file, XTL_DEBUG, 0);
    int lines = 0;

    for (int i = 0; i < 1000; i++)
        xlqmp_log_peer(logger, &limit, 5000, "flood", "");
    xlqmp_log_peer(logger, &limit, 5000 + XLQMP_LOG_PEER_INTERVAL_MS,
                   "later", "on");
    fflush(file);
    for (char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    check_int(lines, XLQMP_LOG_PEER_BURST + 1);
    check(strstr(text, "later: on (990 lines held back)"));
    xtl_logger_destroy(logger);
    fclose(file);
    free(text);
}

TAP_MAIN()
