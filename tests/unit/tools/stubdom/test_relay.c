/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/stubdom/relay.h"

#include "tap.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"

static struct relay relay;

static void from_console(const char *text)
{
    check_int(relay_console_input(&relay, text, strlen(text)), 0);
}

static void from_qemu(const char *text)
{
    check_int(relay_qemu_input(&relay, text, strlen(text)), 0);
}

static void console_gets(const char *text)
{
    check_mem(relay.to_console.data, relay.to_console.len, text,
              strlen(text));
    relay_console_written(&relay, relay.to_console.len);
}

static void qemu_gets(const char *text)
{
    check_mem(relay.to_qemu.data, relay.to_qemu.len, text, strlen(text));
    qmp_buf_consume(&relay.to_qemu, relay.to_qemu.len);
}

/* A relay whose first session is connected and greeted. */
static void start(void)
{
    relay_init(&relay);
    check(relay.want_connect);
    relay_connected(&relay);
    check(!relay.want_connect);
    from_qemu(GREETING);
    console_gets(GREETING);
}

TEST(a_client_without_reset_sees_plain_qmp)
{
    start();
    from_console("{\"execute\":\"qmp_capabilities\"}");
    qemu_gets("{\"id\": \"0-1\", \"execute\":\"qmp_capabilities\"}\r\n");
    from_qemu("{\"return\": {}, \"id\": \"0-1\"}\r\n");
    console_gets("{\"return\": {}}\r\n");
    from_console("{\"execute\":\"stop\",\"id\":12345678901234567890}");
    qemu_gets("{\"execute\":\"stop\",\"id\":\"0-2\"}\r\n");
    from_qemu("{\"event\": \"STOP\"}\r\n{\"return\": {}, \"id\": \"0-2\"}\r\n");
    console_gets("{\"event\": \"STOP\"}\r\n"
                 "{\"return\": {}, \"id\": 12345678901234567890}\r\n");
}

TEST(reset_before_qemu_is_up_is_answered_at_once)
{
    relay_init(&relay);
    from_console("\x18{\"execute\":\"qmp_reset\",\"id\":\"n1\"}\r\n");
    console_gets("{\"return\": {}, \"id\": \"n1\"}\r\n");
    check(relay.want_connect);
    relay_connected(&relay);
    from_qemu(GREETING);
    console_gets(GREETING);
}

TEST(reset_works_after_any_garbage)
{
    static const char *const before[] = {
        "{\"execute\":\"sto", "{\"a\":\"\\", "]]]}", "nonsense", "[[[{{{",
        "{\"execute\": \"x\", \"id\": {\"a\": [", "\xff\xff\x01",
    };

    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        relay_dispose(&relay);
        start();
        from_console(before[i]);
        relay_console_written(&relay, relay.to_console.len);
        from_console("\x18{\"execute\":\"qmp_reset\",\"id\":7}\r\n");
        /* What the garbage was told may come before, never after. */
        check(relay.to_console.len >= 25);
        check(!memcmp(relay.to_console.data + relay.to_console.len - 25,
                      "{\"return\": {}, \"id\": 7}\r\n", 25));
        check(relay.want_connect);
    }
}

TEST(nothing_of_the_old_session_follows_the_return)
{
    start();
    from_console("{\"execute\":\"a\",\"id\":1}{\"execute\":\"b\",\"id\":2}");
    from_qemu("{\"return\": 1, \"id\": \"0-1\"}\r\n{\"event\": \"E\"}\r\n");
    from_console("{\"execute\":\"qmp_reset\",\"id\":\"n\"}");
    console_gets("{\"return\": {}, \"id\": \"n\"}\r\n");
    /* The old socket's last words. */
    from_qemu("{\"return\": 2, \"id\": \"0-2\"}\r\n{\"event\": \"F\"}\r\n");
    console_gets("");
    qemu_gets("");
    relay_connected(&relay);
    from_qemu(GREETING);
    console_gets(GREETING);
    /* A coroutine command of the old session answers into the new one. */
    from_qemu("{\"return\": 2, \"id\": \"0-2\"}\r\n");
    console_gets("");
    /* And cannot be taken for a command of the new one. */
    from_console("{\"execute\":\"c\",\"id\":2}");
    qemu_gets("{\"execute\":\"c\",\"id\":\"1-3\"}\r\n");
    from_qemu("{\"return\": 2, \"id\": \"0-3\"}\r\n");
    console_gets("");
    from_qemu("{\"return\": 3, \"id\": \"1-3\"}\r\n");
    console_gets("{\"return\": 3, \"id\": 2}\r\n");
    from_qemu("{\"return\": 3, \"id\": \"1-3\"}\r\n");
    console_gets("");
}

TEST(a_half_written_line_is_ended_before_the_return)
{
    start();
    from_qemu("{\"event\": \"LONG\"}\r\n");
    relay_console_written(&relay, 5);
    from_console("{\"execute\":\"qmp_reset\",\"id\":1}");
    console_gets("\r\n{\"return\": {}, \"id\": 1}\r\n");
}

TEST(two_resets_are_both_answered_and_the_last_counts)
{
    start();
    from_console("{\"execute\":\"qmp_reset\",\"id\":1}"
                 "{\"execute\":\"qmp_reset\",\"id\":2}");
    console_gets("{\"return\": {}, \"id\": 2}\r\n");
    relay_connected(&relay);
    from_qemu(GREETING);
    console_gets(GREETING);
}

TEST(reset_during_the_greeting)
{
    relay_init(&relay);
    relay_connected(&relay);
    from_qemu("{\"QMP\": {\"ver");
    from_console("{\"execute\":\"qmp_reset\",\"id\":1}");
    console_gets("{\"return\": {}, \"id\": 1}\r\n");
    relay_connected(&relay);
    from_qemu(GREETING);
    console_gets(GREETING);
}

#define SAVE(id) "{\"execute\":\"xen-save-devices-state\",\"id\":" id "}"
#define BUSY(id) "{\"error\": {\"class\": \"GenericError\", \"desc\": \"The " \
                 "state of the devices is being saved already\"}, \"id\": " \
                 id "}\r\n"

/* The first command of a session is number n. */
static void negotiate(const char *session, int n)
{
    char text[64];

    from_console("{\"execute\":\"qmp_capabilities\"}");
    snprintf(text, sizeof(text), "{\"id\": \"%s-%d\", "
             "\"execute\":\"qmp_capabilities\"}\r\n", session, n);
    qemu_gets(text);
    snprintf(text, sizeof(text), "{\"return\": {}, \"id\": \"%s-%d\"}\r\n",
             session, n);
    from_qemu(text);
    console_gets("{\"return\": {}}\r\n");
}

/* As stubdomd does. */
static void save_begun(void)
{
    check(relay.want_save_begin);
    relay.want_save_begin = false;
    check(relay.to_qemu.len);
    qmp_buf_consume(&relay.to_qemu, relay.to_qemu.len);
}

static void save_finishing(void)
{
    check(relay.want_save_finish);
    relay.want_save_finish = false;
}

/* What comes of it now goes nowhere, and what went has left. */
static void save_ended(void)
{
    check(relay.want_save_stop && relay.stopping);
    relay.want_save_stop = false;
    relay_save_stopped(&relay);
    check(!relay.stopping);
}

TEST(a_saves_reply_waits_for_its_bytes)
{
    start();
    negotiate("0", 1);
    from_console(SAVE("5"));
    save_begun();
    from_qemu("{\"return\": {}, \"id\": \"0-2\"}\r\n");
    console_gets("");
    save_finishing();
    check_int(relay_save_copied(&relay, 0, 4096, 0xffffffff), 0);
    console_gets("{\"event\": \"__xenqmp_SAVED\", \"data\": {\"id\": 5, "
                 "\"length\": 4096, \"crc32\": 4294967295}, \"timestamp\": "
                 "{\"seconds\": -1, \"microseconds\": -1}}\r\n"
                 "{\"return\": {}, \"id\": 5}\r\n");
    /* One that fails in QEMU may have had some. */
    from_console(SAVE("6"));
    save_begun();
    from_qemu("{\"error\": {}, \"id\": \"0-3\"}\r\n");
    check(!relay.want_save_finish);
    save_ended();
    console_gets("{\"error\": {}, \"id\": 6}\r\n");
    /* One that console 1 does not take is an error. */
    from_console(SAVE("7"));
    save_begun();
    from_qemu("{\"return\": {}, \"id\": \"0-4\"}\r\n");
    save_finishing();
    check_int(relay_save_copied(&relay, 5, 0, 0), 0);
    console_gets("{\"error\": {\"class\": \"GenericError\", \"desc\": \"The "
                 "saved state could not be copied to console 1\"}, "
                 "\"id\": 7}\r\n");
    /* One without an id. */
    from_console("{\"execute\":\"xen-save-devices-state\"}");
    save_begun();
    from_qemu("{\"return\": {}, \"id\": \"0-5\"}\r\n");
    save_finishing();
    check_int(relay_save_copied(&relay, 0, 0, 0), 0);
    console_gets("{\"event\": \"__xenqmp_SAVED\", \"data\": {\"length\": 0, "
                 "\"crc32\": 0}, \"timestamp\": {\"seconds\": -1, "
                 "\"microseconds\": -1}}\r\n{\"return\": {}}\r\n");
}

TEST(a_second_save_does_not_touch_the_first)
{
    start();
    negotiate("0", 1);
    from_console(SAVE("1"));
    save_begun();
    from_console(SAVE("2"));
    check(!relay.want_save_begin);
    qemu_gets("");
    console_gets(BUSY("2"));
    /* Out-of-band it is QEMU's to refuse. */
    from_console("{\"exec-oob\":\"xen-save-devices-state\",\"id\":3}");
    check(!relay.want_save_begin);
    qemu_gets("{\"exec-oob\":\"xen-save-devices-state\",\"id\":\"0-3\"}\r\n");
    from_qemu("{\"error\": {}, \"id\": \"0-3\"}\r\n");
    console_gets("{\"error\": {}, \"id\": 3}\r\n");
    from_qemu("{\"return\": {}, \"id\": \"0-2\"}\r\n");
    save_finishing();
    from_console(SAVE("4"));
    check(!relay.want_save_begin);
    console_gets(BUSY("4"));
    check_int(relay_save_copied(&relay, 0, 1, 2), 0);
    relay_console_written(&relay, relay.to_console.len);
    from_console(SAVE("5"));
    save_begun();
}

TEST(a_save_before_qemu_has_answered_is_refused)
{
    static const char refused[] = "{\"error\": {\"class\": "
        "\"CommandNotFound\", \"desc\": \"Expecting capabilities "
        "negotiation with 'qmp_capabilities'\"}, \"id\": 1}\r\n";

    start();
    from_console(SAVE("1"));
    console_gets(refused);
    negotiate("0", 1);
    from_console(SAVE("2"));
    save_begun();
    /* QEMU is at it, and may be for long. */
    from_console("{\"execute\":\"qmp_reset\",\"id\":3}");
    save_ended();
    console_gets("{\"return\": {}, \"id\": 3}\r\n");
    relay_connected(&relay);
    from_console(SAVE("1"));
    console_gets(refused);
    /* What is answered out-of-band says nothing about that. */
    from_console("{\"exec-oob\":\"a\"}");
    qmp_buf_consume(&relay.to_qemu, relay.to_qemu.len);
    from_qemu("{\"return\": {}, \"id\": \"1-3\"}\r\n");
    relay_console_written(&relay, relay.to_console.len);
    from_console(SAVE("1"));
    console_gets(refused);
    negotiate("1", 4);
    from_console(SAVE("1"));
    save_begun();
    /* So it is with another QEMU. */
    check_int(relay_disconnected(&relay), 0);
    save_ended();
    relay_console_written(&relay, relay.to_console.len);
    relay_connected(&relay);
    from_console(SAVE("1"));
    console_gets(refused);
    negotiate("1", 6);
    from_console(SAVE("1"));
    save_begun();
}

TEST(a_guest_with_a_device_of_the_hosts_is_not_saved)
{
    start();
    from_console("{\"execute\":\"qmp_capabilities\"}");
    qemu_gets("{\"id\": \"0-1\", \"execute\":\"qmp_capabilities\"}\r\n");
    from_qemu("{\"return\": {}, \"id\": \"0-1\"}\r\n");
    console_gets("{\"return\": {}}\r\n");
    relay.host_devices = 1;
    from_console("{\"execute\":\"xen-save-devices-state\",\"id\":1}");
    qemu_gets("");
    check(strstr(relay.to_console.data, "xl pci-detach"));
    relay_console_written(&relay, relay.to_console.len);
    relay.host_devices = 0;
    from_console("{\"execute\":\"xen-save-devices-state\",\"id\":1}");
    check(relay.want_save_begin);
}

TEST(names_are_known_however_they_are_written)
{
    start();
    negotiate("0", 1);
    from_console("{\"execute\":\"xen-s\\u0061ve-devices-state\",\"id\":5}");
    save_begun();
    from_qemu("{\"return\": {}, \"id\": \"0-2\"}\r\n");
    console_gets("");
    check(relay.want_save_finish);
    from_console("{\"execute\":\"qmp_r\\u0065set\",\"id\":6}");
    console_gets("{\"return\": {}, \"id\": 6}\r\n");
    check(relay.want_connect);
}

TEST(only_a_command_resets)
{
    start();
    from_console("{\"event\":\"qmp_reset\"}{\"return\":\"qmp_reset\"}");
    check(!relay.want_connect);
}

/* A save that is being copied. */
static void save_started(void)
{
    start();
    negotiate("0", 1);
    from_console(SAVE("5"));
    save_begun();
    from_qemu("{\"return\": {}, \"id\": \"0-2\"}\r\n");
    save_finishing();
}

TEST(a_save_ends_with_its_session)
{
    save_started();
    check(!relay.want_save_stop && !relay.stopping);
    from_console("{\"execute\":\"qmp_reset\",\"id\":1}");
    check(relay.want_save_stop);
    relay.want_save_stop = false;
    /* What it says waits until the copy's last byte has left. */
    check(relay.stopping);
    from_console("{\"execute\":\"qmp_reset\",\"id\":2}");
    check(!relay.want_save_stop && relay.stopping);
    relay_save_stopped(&relay);
    check(!relay.stopping);
    console_gets("{\"return\": {}, \"id\": 2}\r\n");
    relay_connected(&relay);
    negotiate("2", 3);
    from_console(SAVE("7"));
    save_begun();
}

/* QEMU's bytes are on their way before its answer. */
TEST(a_save_ends_at_any_time)
{
    start();
    negotiate("0", 1);
    from_console(SAVE("5"));
    check(relay.want_save_begin);
    from_console("{\"execute\":\"qmp_reset\",\"id\":1}");
    check(!relay.want_save_begin && !relay.want_save_stop && !relay.stopping);
    console_gets("{\"return\": {}, \"id\": 1}\r\n");
    relay_connected(&relay);
    negotiate("1", 3);
    from_console(SAVE("5"));
    save_begun();
    from_qemu("{\"return\": {}, \"id\": \"1-4\"}\r\n");
    from_console("{\"execute\":\"qmp_reset\",\"id\":2}");
    check(!relay.want_save_finish);
    save_ended();
    console_gets("{\"return\": {}, \"id\": 2}\r\n");
}

TEST(qemu_saves_where_its_bytes_are_waited_for)
{
    start();
    relay.save_path = "/run/fifo";
    negotiate("0", 1);
    from_console("{\"execute\":\"xen-save-devices-state\",\"id\":1,"
                 "\"arguments\":{\"filename\":\"/dev/fdset/1\",\"live\":true}}");
    check(relay.want_save_begin);
    relay.want_save_begin = false;
    qemu_gets("{\"execute\":\"xen-save-devices-state\",\"id\":\"0-2\","
              "\"arguments\":{\"filename\":\"/run/fifo\",\"live\":true}}\r\n");
    from_qemu("{\"error\": {}, \"id\": \"0-2\"}\r\n");
    save_ended();
    relay_console_written(&relay, relay.to_console.len);
    /* Without one QEMU says what it lacks. */
    from_console(SAVE("2"));
    qemu_gets("{\"execute\":\"xen-save-devices-state\",\"id\":\"0-3\"}\r\n");
}

TEST(a_console_that_is_renewed_ends_a_save)
{
    save_started();
    relay_console_renewed(&relay);
    check(relay.want_save_stop && relay.stopping);
}

TEST(no_save_while_one_is_being_ended)
{
    save_started();
    from_console("{\"execute\":\"qmp_reset\",\"id\":1}");
    relay_connected(&relay);
    from_console("{\"execute\":\"a\",\"id\":1}");
    qmp_buf_consume(&relay.to_qemu, relay.to_qemu.len);
    from_qemu("{\"return\": {}, \"id\": \"1-3\"}\r\n");
    from_console(SAVE("2"));
    check(!relay.want_save_begin);
    console_gets("{\"return\": {}, \"id\": 1}\r\n"
                 "{\"return\": {}, \"id\": 1}\r\n" BUSY("2"));
}

TEST(a_save_outlives_the_monitor_once_qemu_has_answered)
{
    save_started();
    check_int(relay_disconnected(&relay), 0);
    check(!relay.want_save_stop);
    check_int(relay_save_copied(&relay, 0, 1, 2), 0);
    check(relay.to_console.len);
}

TEST(qemus_end_fails_what_is_in_flight)
{
    start();
    from_console("{\"execute\":\"a\",\"id\":1}");
    check_int(relay_disconnected(&relay), 0);
    console_gets("{\"error\": {\"class\": \"GenericError\", \"desc\": \"QEMU "
                 "closed its monitor; it may have executed the command\"}, "
                 "\"id\": 1}\r\n");
    check(relay.want_connect);
    from_console("{\"execute\":\"a\",\"id\":2}");
    console_gets("{\"error\": {\"class\": \"GenericError\", \"desc\": \"QEMU "
                 "has not started or has ended\"}, \"id\": 2}\r\n");
}

TEST(events_that_nobody_takes_are_dropped_and_counted)
{
    start();
    for (int i = 0; i < 100000; i++)
        from_qemu("{\"event\": \"E\"}\r\n");
    check(relay.to_console.len < RELAY_EVENTS_MAX + 100);
    check(relay.events_lost > 50000);
    /* Replies still come. */
    from_console("{\"execute\":\"a\",\"id\":1}");
    from_qemu("{\"return\": {}, \"id\": \"0-1\"}\r\n");
    check(!memcmp(relay.to_console.data + relay.to_console.len - 25,
                  "{\"return\": {}, \"id\": 1}\r\n", 25));
}

#define FULL(id) "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Too " \
                 "many commands in flight\"}, \"id\": " id "}\r\n"

#define TOO_LARGE                                                         \
    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"QEMU's reply is "  \
    "larger than 8388608 bytes, 500000 values or 128 levels and was "     \
    "dropped; the command has been executed\"}, \"id\": "

/* The reply is lost, not the answer, and the place is free. */
TEST(a_reply_that_is_too_large_is_told)
{
    static char piece[QMP_FRAMER_CHUNK + 1], text[256];

    start();
    memset(piece, 'x', QMP_FRAMER_CHUNK);
    for (int i = 1; i <= 2 * RELAY_FLIGHT_MAX; i++) {
        snprintf(text, sizeof(text), "{\"execute\":\"c\",\"id\":%d}", i);
        from_console(text);
        qmp_buf_consume(&relay.to_qemu, relay.to_qemu.len);
        if (i == 1) {
            from_qemu("{\"return\": \"");
            for (size_t n = 0; n < QMP_MESSAGE_MAX; n += QMP_FRAMER_CHUNK)
                from_qemu(piece);
            from_qemu("\"");
        } else {
            from_qemu("{\"return\": ");
            for (int depth = 0; depth < 200; depth++)
                from_qemu("[");
            for (int depth = 0; depth < 200; depth++)
                from_qemu("]");
        }
        snprintf(text, sizeof(text), ", \"id\": \"0-%d\"}\r\n", i);
        from_qemu(text);
        snprintf(text, sizeof(text), TOO_LARGE "%d}\r\n", i);
        console_gets(text);
    }
}

TEST(no_more_commands_in_flight_than_there_is_room_for)
{
    char text[64];

    start();
    for (int i = 0; i < RELAY_FLIGHT_MAX; i++) {
        snprintf(text, sizeof(text), "{\"execute\":\"a\",\"id\":%d}", i);
        from_console(text);
    }
    console_gets("");
    from_console("{\"execute\":\"a\",\"id\":\"x\"}");
    console_gets(FULL("\"x\""));
    from_console("{\"execute\":\"qmp_reset\",\"id\":1}");
    console_gets("{\"return\": {}, \"id\": 1}\r\n");
}

TEST(no_more_bytes_wait_for_qemu_than_there_is_room_for)
{
    static char text[RELAY_EVENTS_MAX];
    int n = snprintf(text, sizeof(text), "{\"execute\":\"a\",\"id\":1,"
                     "\"arguments\":{\"a\":\"");

    start();
    from_console(text);
    memset(text, 'a', sizeof(text) - 1);
    for (int i = 0; i < 64; i++)
        check_int(relay_console_input(&relay, text, 4096), 0);
    from_console("\"}}");
    check(relay.to_qemu.len > RELAY_EVENTS_MAX + (size_t)n);
    from_console("{\"execute\":\"a\",\"id\":\"x\"}");
    console_gets(FULL("\"x\""));
}

TEST(garbage_is_told_in_bounds)
{
    char junk[4096];

    start();
    memset(junk, '}', sizeof(junk));
    for (size_t i = 1; i < sizeof(junk); i += 2)
        junk[i] = '\n';
    for (int i = 0; i < 1000; i++)
        check_int(relay_console_input(&relay, junk, sizeof(junk)), 0);
    check(relay.to_console.len < RELAY_EVENTS_MAX + 200);
}

TAP_MAIN()
