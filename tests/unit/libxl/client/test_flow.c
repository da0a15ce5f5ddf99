/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The session of libxlqmp: commands and their replies. */
#include "session_fixture.h"

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

TAP_MAIN()
