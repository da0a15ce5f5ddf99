/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libxl/qmp/message.h"

#include "tap.h"

static struct qmp_message message;
static const char *why;

static bool parse(const char *text)
{
    why = NULL;
    return qmp_message_parse(&message, text, strlen(text), &why);
}

static void check_span(struct qmp_span span, const char *ought)
{
    check_mem(qmp_span_text(&message, span), span.len, ought,
              strlen(ought));
}

TEST(kinds)
{
    check(parse("{\"QMP\": {\"version\": {}, \"capabilities\": []}}"));
    check_int(message.kind, QMP_GREETING);
    check_span(message.value, "{\"version\": {}, \"capabilities\": []}");
    check(parse("{\"return\": -1.0e2 }"));
    check_int(message.kind, QMP_RETURN);
    check_span(message.value, "-1.0e2");
    check_int(message.id.len, 0);
    check(parse("{\"id\":7,\"error\":{\"class\":\"A\",\"desc\":\"b\"}}"));
    check_int(message.kind, QMP_ERROR);
    check_span(message.id, "7");
    check(parse("{\"timestamp\":{\"seconds\":1},\"event\":\"STOP\","
                "\"data\":{\"a\":[\"}\"]}}"));
    check_int(message.kind, QMP_EVENT);
    check_span(message.value, "\"STOP\"");
    check_span(message.data, "{\"a\":[\"}\"]}");
    check(parse("{\"execute\":\"a\",\"arguments\":{\"id\":\"inner\"},"
                "\"id\":{\"b\":[1,\"]\"]}}"));
    check_int(message.kind, QMP_COMMAND);
    check(!message.oob);
    check_span(message.arguments, "{\"id\":\"inner\"}");
    check_span(message.id, "{\"b\":[1,\"]\"]}");
    check(parse("{\"exec-oob\":\"a\"}"));
    check_int(message.kind, QMP_COMMAND);
    check(message.oob);
}

TEST(what_is_no_message_is_refused)
{
    static const char *const bad[] = {
        "{}", "[]", "5", "{\"id\":1}", "{\"return\":1", "{\"Return\":1}",
        "{\"return\":1,\"error\":{}}", "{\"return\":1,\"return\":1}",
        "{\"execute\":\"a\",\"exec-oob\":\"a\"}", "{\"execute\":5}",
        "{\"event\":{}}", "{\"event\":null}", "{\"exec-oob\":[\"a\"]}",
        "{\"return\":1,\"id\":1,\"id\":2}",
        "{\"execute\":\"a\",\"arguments\":{},\"arguments\":{}}",
        "{\"event\":\"a\",\"data\":{},\"data\":{}}",
        "{\"\\u0069d\":1,\"return\":{}}", "{\"return\":1} {}",
        "{\"return\":\"\xff\"}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (parse(bad[i]))
            tap_fail("accepted: %s", bad[i]);
        check(why);
    }
}

TEST(limits)
{
    static char text[2 * QMP_MESSAGE_TOKENS_MAX + 100];
    size_t n;

    n = (size_t)sprintf(text, "{\"return\":");
    memset(text + n, '[', QMP_MESSAGE_DEPTH_MAX - 1);
    memset(text + n + QMP_MESSAGE_DEPTH_MAX - 1, ']',
           QMP_MESSAGE_DEPTH_MAX - 1);
    strcpy(text + n + 2 * (QMP_MESSAGE_DEPTH_MAX - 1), "}");
    check(parse(text));
    memset(text + n, '[', QMP_MESSAGE_DEPTH_MAX);
    memset(text + n + QMP_MESSAGE_DEPTH_MAX, ']', QMP_MESSAGE_DEPTH_MAX);
    strcpy(text + n + 2 * QMP_MESSAGE_DEPTH_MAX, "}");
    check(!parse(text));
    /* {, the key, [ and this many numbers. */
    text[n] = '[';
    for (size_t i = 0; i < QMP_MESSAGE_TOKENS_MAX - 2; i++)
        memcpy(text + n + 1 + 2 * i, "1,", 2);
    strcpy(text + n + 2 * (QMP_MESSAGE_TOKENS_MAX - 2), "]}");
    check(!parse(text));
    strcpy(text + n + 2 * (QMP_MESSAGE_TOKENS_MAX - 3), "]}");
    check(parse(text));
}

TEST(a_message_that_is_too_long_is_not_even_parsed)
{
    size_t n = QMP_MESSAGE_MAX + 1;
    char *text = malloc(n);

    memset(text, ' ', n);
    memcpy(text, "{\"return\":1", 11);
    text[n - 1] = '}';
    check(!qmp_message_parse(&message, text, n, &why));
    check_str(why, "too long");
    text[n - 2] = '}';
    check(qmp_message_parse(&message, text, n - 1, &why));
    free(text);
}

static const char *with_id(const char *text, const char *id)
{
    static char line[512];
    struct qmp_buf buf;

    check(parse(text));
    qmp_buf_init(&buf, 500);
    qmp_buf_append(&buf, "|", 1);
    check_int(qmp_message_append_with_id(&message, id, strlen(id), &buf),
              0);
    snprintf(line, sizeof(line), "%.*s", (int)buf.len - 1, buf.data + 1);
    qmp_buf_dispose(&buf);
    /* It is the same message again, but for the id. */
    check(parse(line));
    check_int(message.id.len, strlen(id));
    return line;
}

TEST(an_id_is_replaced_wherever_it_stands)
{
    check_str(with_id("{\"id\": 1, \"return\": {}}", "\"x\""),
              "{\"id\": \"x\", \"return\": {}}");
    check_str(with_id("{\"return\": {} , \"id\" : {\"a\": 1} }", "2"),
              "{\"return\": {} , \"id\" : 2 }");
    check_str(with_id("{\"return\": {\"id\": 5}, \"id\":null, \"x\": 1}",
                      "[]"),
              "{\"return\": {\"id\": 5}, \"id\":[], \"x\": 1}");
}

TEST(an_id_is_inserted_where_there_is_none)
{
    check_str(with_id("{\"return\": {\"id\": 5}}", "7"),
              "{\"id\": 7, \"return\": {\"id\": 5}}");
    check_str(with_id("{ \"return\":1}", "7"),
              "{\"id\": 7,  \"return\":1}");
}

TEST(an_id_is_removed_wherever_it_stands)
{
    check_str(with_id("{\"id\": 1, \"return\": {}}", ""),
              "{ \"return\": {}}");
    check_str(with_id("{\"return\": {}, \"id\": 1}", ""),
              "{\"return\": {}}");
    check_str(with_id("{\"return\": {}, \"id\": [1,2] , \"x\": \"id\"}", ""),
              "{\"return\": {},  \"x\": \"id\"}");
    check_str(with_id("{ \"return\": {}\r\n,\t\"id\" : \",\" }", ""),
              "{ \"return\": {}\r\n }");
    check_str(with_id("{\"return\": {}}", ""), "{\"return\": {}}");
}

TEST(a_buffer_without_room_stays_as_it_is)
{
    struct qmp_buf buf;

    for (size_t max = 1; max < 23; max++) {
        qmp_buf_init(&buf, max);
        qmp_buf_append(&buf, "|", 1);
        check(parse("{\"return\": {}}"));
        check_int(qmp_message_append_with_id(&message, "1", 1, &buf), -1);
        check_mem(buf.data, buf.len, "|", 1);
        check(parse("{\"return\": {}, \"id\": 12345678}"));
        check_int(qmp_message_append_with_id(&message, "1", 1, &buf), -1);
        check_mem(buf.data, buf.len, "|", 1);
        qmp_buf_dispose(&buf);
    }
}

TEST(members_are_found)
{
    struct qmp_span span, inner;

    check(parse("{\"return\": {\"a\": \"x,\\\"b\\\":1\", \"b\" : "
                "{\"c\": [1, {\"d\": 2}]}, \"e\":false}}"));
    check(qmp_message_member(&message, message.value, "b", &span));
    check_span(span, "{\"c\": [1, {\"d\": 2}]}");
    check(qmp_message_member(&message, span, "c", &inner));
    check_span(inner, "[1, {\"d\": 2}]");
    check(!qmp_message_member(&message, inner, "d", &span));
    check(qmp_message_member(&message, message.value, "e", &span));
    check_span(span, "false");
    check(!qmp_message_member(&message, message.value, "d", &span));
    check(!qmp_message_member(&message, message.value, "", &span));
    check(parse("{\"return\": {}}"));
    check(!qmp_message_member(&message, message.value, "a", &span));
    check(parse("{\"return\": 5}"));
    check(!qmp_message_member(&message, message.value, "a", &span));
}

TEST(names_and_strings)
{
    char name[5];

    check(parse("{\"event\":\"ST\\u004fP\",\"id\":\"id\"}"));
    check_int(qmp_message_name(&message, name, sizeof(name)), 0);
    check_str(name, "STOP");
    check_int(qmp_message_name(&message, name, 4), -1);
    check(qmp_span_is_string(&message, message.id, "id"));
    check(!qmp_span_is_string(&message, message.id, "i"));
    check(!qmp_span_is_string(&message, message.id, "id2"));
    check(!qmp_span_is_string(&message, message.arguments, ""));
}

TEST(errors_are_made_printable_and_cut)
{
    static char text[20000];
    char class[8], desc[16];
    size_t n;

    check(parse("{\"error\":{\"class\":\"GenericError\",\"desc\":"
                "\"a\\u001b[2J\\n\xc3\xa4\\u0000z\"}}"));
    qmp_message_error(&message, class, sizeof(class), desc, sizeof(desc));
    check_str(class, "Generic");
    check_str(desc, "a?[2J???");
    check(parse("{\"error\":[]}"));
    qmp_message_error(&message, class, sizeof(class), desc, sizeof(desc));
    check_str(class, "?");
    check_str(desc, "?");
    check(parse("{\"error\":{\"class\":5,\"desc\":{\"a\":1}}}"));
    qmp_message_error(&message, class, sizeof(class), desc, sizeof(desc));
    check_str(class, "?");
    check_str(desc, "?");
    n = (size_t)sprintf(text, "{\"error\":{\"desc\":\"");
    memset(text + n, 'd', 10000);
    strcpy(text + n + 10000, "\"}}");
    check(parse(text));
    qmp_message_error(&message, class, sizeof(class), desc, sizeof(desc));
    check_str(desc, "ddddddddddddddd");
}

TAP_MAIN()
