/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp-helper's worker and a stubdomain that is late or hostile. */
#include "worker_fixture.h"

/* What was in flight is told that it may have been executed. */
static void check_lost(int client, int id)
{
    char ought[64];

    expect_part(client, "may have been executed");
    snprintf(ought, sizeof(ought), "\"id\": %d}", id);
    check(strstr(line, ought) != NULL);
    check(strstr(line, "\"class\": \"GenericError\"") != NULL);
}

/* Sends bytes in the middle of a session: they must cost the session,
 * and nothing else. */
static void check_offence(const char *bytes, size_t n)
{
    struct fixture f;
    char id[64];
    int client;

    client = client_alone(&f);
    client_command(&f, client, "stop", 5, id);
    put(f.console, bytes, n);
    check_lost(client, 5);
    peer_session(&f);
    /* Its late reply is no reply any more. */
    peer_return(&f, id, "{}");
    check_works(&f, client);
    fixture_end(&f);
}

#define check_offence_text(literal)                                     \
    check_offence(literal, sizeof(literal) - 1)

TEST(session_is_reset_by_garbage)
{
    check_offence_text("hello\r\n");
}

TEST(session_is_reset_by_bytes_that_are_no_text)
{
    check_offence_text("{\"event\": \"\x01\"}\n");
}

TEST(session_is_reset_by_a_truncated_message)
{
    check_offence_text("{\"return\": {\"a\": 1\r\n{}}\r\n");
}

TEST(session_is_reset_by_invalid_json)
{
    check_offence_text("{\"return\": {}, \"id\": x1}\r\n");
}

TEST(session_is_reset_by_an_unknown_message)
{
    check_offence_text("{\"hello\": 1}\r\n");
}

TEST(session_is_reset_by_a_command)
{
    check_offence_text("{\"execute\": \"quit\"}\r\n");
}

TEST(session_is_reset_by_a_second_greeting)
{
    check_offence_text(GREETING("") "\r\n");
}

TEST(session_is_reset_by_deep_nesting)
{
    char text[400] = "{\"return\": ";

    memset(text + 11, '[', 150);
    memset(text + 161, ']', 150);
    strcpy(text + 311, "}\r\n");
    check_offence(text, strlen(text));
}

TEST(session_is_reset_by_an_oversized_message)
{
    size_t n = (8u << 20) + 4096;
    char *text = malloc(n);

    memset(text, 'a', n);
    memcpy(text, "{\"return\": \"", 12);
    text[n - 1] = '\n';
    check_offence(text, n);
}

TEST(session_repeated_offences_are_paused_between)
{
    struct fixture f;
    int client;

    client = client_alone(&f);
    for (int i = 0; i < 4; i++) {
        say(f.console, "garbage %d", i);
        peer_session(&f);
    }
    check_works(&f, client);
    expect_log(&f, "domain 8: console 3 (QMP): the stubdomain sent");
    fixture_end(&f);
}

TEST(session_drops_everything_before_the_return)
{
    struct fixture f;
    char id[64];

    peer_asks_reset(&f, id);
    say(f.console, "[    0.1] a kernel's log");
    say(f.console, "^X{\"execute\":\"qmp_reset\",\"id\":\"%s\"}", id);
    say(f.console, "{\"execute\":\"qmp_reset\",\"id\":\"%s\"}", id);
    say(f.console, "%s", GREETING("\"stale\""));
    say(f.console, "{\"return\": {}, \"id\": \"x0123456789abcdef\"}");
    say(f.console, "{\"return\": {}}");
    say(f.console, "{\"event\": \"STALE\", \"timestamp\": {}}");
    say(f.console, "{\"return\": {\"half\": ");
    peer_return(&f, id, "{}");
    say(f.console, GREETING("\"oob\""));
    peer_request(&f, "qmp_capabilities", id);
    peer_return(&f, id, "{}");
    check_works(&f, client_start(&f));
    fixture_end(&f);
}

TEST(session_takes_a_greeting_byte_by_byte)
{
    struct fixture f;
    char id[64];

    peer_asks_reset(&f, id);
    peer_return(&f, id, "{}");
    for (const char *p = GREETING_OOB "\r\n"; *p; p++)
        put(f.console, p, 1);
    peer_request(&f, "qmp_capabilities", id);
    peer_return(&f, id, "{}");
    check_works(&f, client_start(&f));
    fixture_end(&f);
}

TEST(session_nonces_are_never_the_same)
{
    struct fixture f;
    char id[64], last[64] = "";

    fixture_start(&f, false);
    for (int i = 0; i < 4; i++) {
        peer_accept(&f);
        peer_request(&f, "qmp_reset", id);
        check(strlen(id) == 17);
        check(strcmp(id, last) != 0);
        strcpy(last, id);
        close(f.console);
    }
    fixture_end(&f);
}

TEST(session_is_made_again_after_a_loss)
{
    struct fixture f;
    char id[64];
    int client;

    client = client_alone(&f);
    client_command(&f, client, "stop", 5, id);
    close(f.console);
    check_lost(client, 5);
    /* Sent while there's no session, it waits for the next. */
    say(client, "{\"execute\": \"cont\", \"id\": 6}");
    peer_accept(&f);
    peer_session(&f);
    peer_command(&f, "cont", id);
    peer_return(&f, id, "{}");
    expect(client, "{\"return\": {}, \"id\": 6}");
    fixture_end(&f);
}

TEST(session_lost_in_the_middle_of_a_command_says_that_it_was_not_sent)
{
    struct fixture f;
    char *text = malloc(900001);
    struct pollfd console = { .events = POLLIN };
    int client;

    memset(text, 'a', 900000);
    text[900000] = '\0';
    client = client_alone(&f);
    say(client, "{\"execute\": \"%s\"}", "stop");
    say(client, "{\"execute\": \"x\", \"arguments\": \"%s\"}", text);
    free(text);
    expect_part(f.console, "stop");
    /* More than a socket's buffer holds: its beginning comes. */
    console.fd = f.console;
    check(poll(&console, 1, -1) == 1);
    close(f.console);
    expect_part(client, "may have been executed");
    expect_part(client, "was not sent, so it was not executed");
    fixture_end(&f);
}

/* A command that waits for a session when its client stops wanting it. */
static void check_unsent(bool reset)
{
    struct fixture f;
    char id[64];
    int client;

    client = client_alone(&f);
    close(f.console);
    expect_log(&f, "lost the connection to xenconsoled");
    say(client, "{\"execute\": \"stop\"}");
    if (reset) {
        say(client, "{\"execute\": \"qmp_reset\"}");
        expect(client, "{\"return\": {}}");
    } else {
        close(client);
    }
    /* Another's, by which the worker must have seen that. */
    client = client_start(&f);
    say(client, "{\"execute\": \"cont\"}");
    peer_accept(&f);
    peer_session(&f);
    peer_command(&f, "cont", id);
    fixture_end(&f);
}

TEST(session_never_sees_what_a_client_left_behind)
{
    check_unsent(false);
}

TEST(session_never_sees_what_a_client_reset)
{
    check_unsent(true);
}

TEST(session_survives_that_xenconsoled_goes_and_comes)
{
    struct fixture f;
    int client;

    client = client_alone(&f);
    close(f.console);
    close(f.console_listener);
    unlink(f.console_path);
    f.console_listener = listen_at(f.console_path);
    peer_accept(&f);
    peer_session(&f);
    check_works(&f, client);
    fixture_end(&f);
}

/* A QEMU with no stubdomd before it. */
static void bare_qemu(struct fixture *f, const char *caps_reply)
{
    char id[64];
    int client;

    peer_asks_reset(f, id);
    say(f->console, "{\"error\": {\"class\": \"GenericError\", \"desc\": "
        "\"JSON parse error\"}}");
    say(f->console, "{\"error\": {\"class\": \"CommandNotFound\", "
        "\"desc\": \"Expecting capabilities negotiation\"}, "
        "\"id\": \"%s\"}", id);
    peer_request(f, "qmp_capabilities", id);
    say(f->console, "{%s, \"id\": \"%s\"}", caps_reply, id);
    peer_request(f, "query-version", id);
    say(f->console, "{\"return\": {}, \"id\": \"stale\"}");
    say(f->console, "{\"return\": " GREETING_VERSION ", \"id\": \"%s\"}",
        id);
    client = connect_to(f->clients);
    expect(client, GREETING(""));
    client_negotiate(client);
    check_works(f, client);
    fixture_end(f);
}

TEST(session_without_qmp_reset)
{
    struct fixture f;

    bare_qemu(&f, "\"return\": {}");
}

TEST(session_without_qmp_reset_negotiated_before)
{
    struct fixture f;

    bare_qemu(&f, "\"error\": {\"class\": \"CommandNotFound\", "
                  "\"desc\": \"already complete\"}");
}

TEST(session_drops_unasked_and_repeated_replies)
{
    struct fixture f;
    char id[64];
    int client;

    client = client_alone(&f);
    say(f.console, "{\"return\": {}, \"id\": \"x999\"}");
    say(f.console, "{\"return\": {}, \"id\": 1}");
    say(f.console, "{\"return\": {}}");
    say(f.console, "{\"error\": {\"class\": \"GenericError\", "
        "\"desc\": \"?\"}}");
    client_command(&f, client, "stop", 5, id);
    say(f.console, "{\"return\": {}, \"id\": \"x0%s\"}", id + 1);
    peer_return(&f, id, "{\"a\": 1}");
    peer_return(&f, id, "{\"a\": 2}");
    expect(client, "{\"return\": {\"a\": 1}, \"id\": 5}");
    check_works(&f, client);
    fixture_end(&f);
}

TAP_MAIN()
