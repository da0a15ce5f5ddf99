/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libxl/qmp/framer.h"

#include "tap.h"

/* What came of a text: "<message>" for each, "!" garbage, "^" too long, with
 * the id that is known then. */
static char result[4096];

static void drain(struct qmp_framer *framer)
{
    enum qmp_framer_result r;
    const char *text;
    size_t len, n;

    while ((r = qmp_framer_next(framer, &text, &len)) != QMP_FRAMER_MORE) {
        n = strlen(result);
        if (r == QMP_FRAMER_MESSAGE)
            snprintf(result + n, sizeof(result) - n, "<%.*s>", (int)len,
                     text);
        else if (r == QMP_FRAMER_GARBAGE)
            strcpy(result + n, "!");
        else
            snprintf(result + n, sizeof(result) - n, "^%.*s%s",
                     (int)framer->skim.id_len, framer->skim.id,
                     framer->skim.error ? "E" : "");
    }
}

#define MAX 64

/* All at once and byte by byte must come to the same. */
static const char *split(enum qmp_framer_mode mode, const char *text,
                         size_t n)
{
    static char whole[sizeof(result)];
    struct qmp_framer framer;

    for (int bytewise = 0; bytewise < 2; bytewise++) {
        result[0] = '\0';
        qmp_framer_init(&framer, mode, MAX);
        for (size_t i = 0; i < n; i += bytewise ? 1 : n) {
            check_int(qmp_framer_push(&framer, text + i, bytewise ? 1 : n),
                      0);
            drain(&framer);
        }
        qmp_framer_dispose(&framer);
        qmp_framer_dispose(&framer);
        if (bytewise)
            check_str(result, whole);
        strcpy(whole, result);
    }
    return whole;
}

#define CLIENT(text) split(QMP_FRAMER_CLIENT, text, sizeof(text) - 1)
#define SERVER(text) split(QMP_FRAMER_SERVER, text, sizeof(text) - 1)
#define STREAM(text) split(QMP_FRAMER_STREAM, text, sizeof(text) - 1)

TEST(objects_are_split_where_they_end)
{
    check_str(SERVER("{}\r\n{\"a\":1}\n"), "<{}><{\"a\":1}>");
    check_str(CLIENT("{}{\"a\":[{}]} \t\r\n{}"), "<{}><{\"a\":[{}]}><{}>");
    check_str(CLIENT("{'}\"':{\"'\":'\\'}'}}{}"),
              "<{'}\"':{\"'\":'\\'}'}}><{}>");
    check_str(SERVER("{'}"), "<{'}>");
    check_str(SERVER(""), "");
    check_str(SERVER("{\"a\""), "");
}

TEST(brackets_and_quotes_in_strings_do_not_count)
{
    check_str(SERVER("{\"}\":\"{[\\\"}\\\\\"}{}\n"),
              "<{\"}\":\"{[\\\"}\\\\\"}><{}>");
    check_str(SERVER("{\"\\u007b\\\\\\\"\":1}\n"), "<{\"\\u007b\\\\\\\"\":1}>");
}

TEST(only_a_client_may_span_lines)
{
    check_str(CLIENT("{\n\"a\"\r\n:\t1\n}"), "<{\n\"a\"\r\n:\t1\n}>");
    check_str(STREAM("{\n\"a'\"\r\n:\t1\n}"), "<{\n\"a'\"\r\n:\t1\n}>");
    check_str(SERVER("{\n\"a\":1}\n{}\n"), "!!<{}>");
    check_str(SERVER("{\"a\":\"x\n{}\n"), "!<{}>");
    check_str(SERVER("{\"a\":\r\n{}\n"), "!<{}>");
}

TEST(garbage_is_told_once_and_ends_with_its_line)
{
    check_str(SERVER("Linux version {}\r\n{}\n"), "!<{}>");
    check_str(SERVER("[1]\n{}\n"), "!<{}>");
    check_str(SERVER("}}}}\n{}\n"), "!<{}>");
    check_str(SERVER("^X{\"execute\":1}\r\n{}\n"), "!<{}>");
    check_str(SERVER("{}x{}\n{}\n"), "<{}>!<{}>");
    check_str(CLIENT("5 {}\n{}"), "!<{}>");
}

TEST(a_control_byte_starts_afresh)
{
    check_str(CLIENT("\x18{}"), "<{}>");
    check_str(CLIENT("{\"a\":\"\x18{}"), "!<{}>");
    check_str(CLIENT("{\"a\":\"\\\xff{}"), "!<{}>");
    check_str(CLIENT("garbage\x01{}"), "!<{}>");
    check_str(SERVER("{\"a\":[\0{}\n"), "!<{}>");
    check_str(SERVER("\x18\x18\xff{}\n"), "<{}>");
    /* TAB, CR and LF are white space, DEL is none of either. */
    check_str(CLIENT("{\t\r}"), "<{\t\r}>");
    check_str(SERVER("\x7f{}\n{}\n"), "!<{}>");
}

TEST(a_message_has_a_length)
{
    char text[3 * MAX];

    memset(text, 'x', sizeof(text));
    memcpy(text, "{\"", 2);
    memcpy(text + MAX - 2, "\"}", 2);
    check_int(strlen(split(QMP_FRAMER_SERVER, text, MAX)), MAX + 2);
    memcpy(text + MAX - 2, "x\"}\n{}\n", 7);
    check_str(split(QMP_FRAMER_SERVER, text, MAX + 5), "^<{}>");
    /* Dropped up to the newline; a client's also at a control byte. */
    memset(text + 2, 'x', sizeof(text) - 2);
    memcpy(text + 2 * MAX, "{}\n{}\n", 6);
    check_str(split(QMP_FRAMER_SERVER, text, 2 * MAX + 6), "^<{}>");
    memcpy(text + 2 * MAX, "\x18{}{}\n", 6);
    check_str(split(QMP_FRAMER_CLIENT, text, 2 * MAX + 6), "^<{}><{}>");
}

#define LONG_ \
    "[1, \"}]\\\"\", {\"id\": 2, \"error\": {}}, 11111111111111111111111111, 2]"

/* Wherever it stands: QEMU has it last. */
TEST(whose_a_long_reply_is)
{
    check_str(SERVER("{\"return\": " LONG_ ", \"id\": \"x12\"}\r\n{}\n"),
              "^\"x12\"<{}>");
    check_str(SERVER("{\"id\" : \"x\\\"}\" , \"return\": " LONG_ "}\n{}\n"),
              "^\"x\\\"}\"<{}>");
    check_str(STREAM("{\n\"return\":\n" LONG_ ",\n\"id\":\n17\n}{}"),
              "^17<{}>");
    check_str(SERVER("{\"id\": {\"a\": [1, \"id\"]}, \"return\": " LONG_ "}{}"),
              "^{\"a\":[1,\"id\"]}<{}>");
    check_str(SERVER("{\"error\": " LONG_ ", \"id\": 3}\n"), "^3E");
    /* Unknown: no id, two, one that is too long, a reply that is cut. */
    check_str(SERVER("{\"return\": " LONG_ "}\n{}\n"), "^<{}>");
    check_str(SERVER("{\"return\": \"id\", \"a\": " LONG_ "}\n{}\n"),
              "^<{}>");
    check_str(SERVER("{\"id\": 1, \"return\": " LONG_ ", \"id\": 2}\n{}"),
              "^<{}>");
    check_str(SERVER("{\"return\": 1, \"id\": [" LONG_ ", " LONG_ "]}\n{}"), "^<{}>");
    check_str(SERVER("{\"id\": 1, \"return\": " LONG_ "\n{}\n"), "^<{}>");
    check_str(STREAM("{\"id\": 1, \"return\": " LONG_ "\x18{}\n"), "^<{}>");
    /* A client is told at once. */
    check_str(CLIENT("{\"id\": 1, \"arguments\": " LONG_ ","), "^");
}

TEST(a_reply_without_end_is_given_up)
{
    static char chunk[QMP_FRAMER_CHUNK];
    struct qmp_framer framer;
    size_t n = 0;

    qmp_framer_init(&framer, QMP_FRAMER_SERVER, MAX);
    memset(chunk, '[', sizeof(chunk));
    chunk[0] = '{';
    for (result[0] = '\0'; !result[0]; n += sizeof(chunk)) {
        check_int(qmp_framer_push(&framer, chunk, sizeof(chunk)), 0);
        drain(&framer);
        check(framer.buf.size <= 4 * sizeof(chunk));
        check(n <= QMP_FRAMER_SKIM_MAX + 2 * sizeof(chunk));
        check(qmp_framer_mid_message(&framer));
        chunk[0] = '[';
    }
    check_int(qmp_framer_push(&framer, "]\n{}\n", 6), 0);
    drain(&framer);
    check_str(result, "^<{}>");
    qmp_framer_dispose(&framer);
}

TEST(what_is_owed_is_known)
{
    struct qmp_framer framer;

    qmp_framer_init(&framer, QMP_FRAMER_SERVER, MAX);
    check(!qmp_framer_mid_message(&framer));
    check_int(qmp_framer_push(&framer, "{}{\"a", 5), 0);
    drain(&framer);
    check(qmp_framer_mid_message(&framer));
    qmp_framer_reset(&framer);
    check(!qmp_framer_mid_message(&framer));
    check_int(qmp_framer_push(&framer, "{}\n", 3), 0);
    drain(&framer);
    check_str(result, "<{}><{}>");
    check_int(qmp_framer_push(&framer, "x", 1), 0);
    drain(&framer);
    check(qmp_framer_mid_message(&framer));
    qmp_framer_dispose(&framer);
}

TEST(nothing_at_all_can_be_pushed)
{
    struct qmp_framer framer;

    qmp_framer_init(&framer, QMP_FRAMER_SERVER, MAX);
    check_int(qmp_framer_push(&framer, "", 0), 0);
    drain(&framer);
    check_str(result, "");
}

TEST(memory_stays_within_the_limit)
{
    static char chunk[QMP_FRAMER_CHUNK];
    struct qmp_framer framer;

    qmp_framer_init(&framer, QMP_FRAMER_CLIENT, 1 << 20);
    memset(chunk, '[', sizeof(chunk));
    chunk[0] = '{';
    for (int i = 0; i < 1000; i++) {
        check_int(qmp_framer_push(&framer, chunk, sizeof(chunk)), 0);
        drain(&framer);
        check(framer.buf.size <= 4 << 20);
    }
    check_str(result, "^");
    qmp_framer_dispose(&framer);
}

TAP_MAIN()
