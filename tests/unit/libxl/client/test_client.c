/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The session of libxlqmp: how it comes about, and how it ends. */
#include "session_fixture.h"

#define NOT_FOUND \
    "{\"id\": \"%s\", \"error\": {\"class\": \"CommandNotFound\", " \
    "\"desc\": \"The command qmp_reset has not been found\"}}\r\n"

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
    snprintf(echo, sizeof(echo), "^X%.200s", line + 1);
    feed(echo);
    snprintf(echo, sizeof(echo), "%.200s", line);
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
    tick(2000 - 1);
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
    feed_much("{\"event\": \"", QMP_FRAMER_SKIM_MAX);
    check_int(session.error.rc, XLQMP_ERROR_PROTOCOL);
    xlqmp_session_dispose(&session);

    begin(XLQMP_LINE_CONSOLE);
    become_ready();
    feed_much("{\"event\": \"", QMP_FRAMER_SKIM_MAX);
    check_int(session.state, XLQMP_STATE_RESET);
    check(session.framer.buf.size < 2 * QMP_FRAMER_CHUNK);
    feed("\r\n");
    become_ready();
}

/* Both kinds of line, each kind of limit, a request that is there and one
 * that is not. */
TEST(a_reply_that_is_too_large_fails_its_command_and_nothing_else)
{
    static char deep[300];

    for (int i = 0; i < 8; i++) {
        struct seen large = { 0 }, other = { 0 };
        uint64_t handle;
        const char *id;

        memset(deep, '[', sizeof(deep) - 1);
        begin(i & 1 ? XLQMP_LINE_CONSOLE : XLQMP_LINE_STREAM);
        become_ready();
        check_int(xlqmp_session_send(&session, "a", NULL, XLQMP_NEVER,
                                     on_reply, &large, &handle), 0);
        id = id_in(said());
        send_command("b", &other);
        if (i & 2)
            check(xlqmp_session_cancel(&session, handle));
        if (i & 4) {
            feed("{\"return\": ");
            feed(deep);
            memset(deep, ']', sizeof(deep) - 1);
            feed(deep);
        } else {
            feed_much("{\"return\": \"", XLQMP_MESSAGE_MAX);
            feed("\"");
        }
        feedf(", \"id\": \"%s\"}\r\n", id);
        check_int(session.state, XLQMP_STATE_READY);
        check_int(large.calls, !(i & 2));
        check_int(large.error.rc, i & 2 ? 0 : XLQMP_ERROR_TOO_LARGE);
        check_int(large.error.maybe_executed, !(i & 2));
        check_int(other.calls, 0);
        feedf(RETURN, id_in(said()));
        check_int(other.calls, 1);
        check_int(other.error.rc, XLQMP_OK);
        xlqmp_session_dispose(&session);
    }
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

/* libxl/client/log.c */
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
