/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libxl/qmp/json.h"

#include "libxl/qmp/buf.h"
#include "tap.h"

static const struct qmp_json_limits limits = { .depth = 4, .tokens = 10 };
static const char *why;

#define valid(text) \
    qmp_json_check(text, sizeof(text) - 1, &limits, &why)

TEST(values_are_accepted)
{
    check(valid("{}"));
    check(valid(" [1, -0.5e+3, true, false, null, \"\"]\r\n\t"));
    check(valid("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude00\""));
    check(valid("\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""));
    check(valid("123456789012345678901234567890"));
    check(valid("{\"a\":1,\"a\":2}"));
}

TEST(what_is_not_exactly_one_value_is_refused)
{
    static const char *const bad[] = {
        "", " ", "{", "}", "{}{}", "{} x", "[1,]", "[,]", "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "{1:1}", "tru",
        "nul", "\"", "\"a", "\"\\x\"", "\"\\u12g4\"", "01", "-", "1.",
        ".5", "1e", "+1", "0x1", "NaN", "// c\n{}", "/* c */ {}", "[1 2]",
        "\"a\nb\"", "\"a\tb\"", "\"\x01\"", "[}", "{]",
        "{\"a\"\v: 1}", "[1,\f2]", "\v1",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why = NULL;
        if (qmp_json_check(bad[i], strlen(bad[i]), &limits, &why))
            tap_fail("accepted: %s", bad[i]);
        check(why);
    }
    check(!valid("{}\0"));
    check(!valid("\"a\0b\""));
}

TEST(what_is_not_utf8_is_refused)
{
    check(!valid("\"\xff\""));
    check(!valid("\"\xc3\""));
    /* Overlong, a surrogate, beyond Unicode; and their neighbours. */
    check(!valid("\"\xc0\x80\""));
    check(!valid("\"\xc1\xbf\""));
    check(!valid("\"\xe0\x9f\xbf\""));
    check(!valid("\"\xf0\x8f\xbf\xbf\""));
    check(!valid("\"\xed\xa0\x80\""));
    check(!valid("\"\xf4\x90\x80\x80\""));
    check(!valid("\"\xf5\x80\x80\x80\""));
    check(valid("\"\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
                "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""));
    check(!valid("\"\x80\""));
    check(!valid("\"\xe2\x82\""));
    check(!valid("{\"\xc3(\":1}"));
}

TEST(depth_and_tokens_are_limited)
{
    static char deep[200001];

    check(valid("[[[[]]]]"));
    check(!valid("[[[[[]]]]]"));
    check_str(why, "nested too deeply");
    check(valid("[{\"a\":[{}]}]"));
    check(!valid("[{\"a\":[{\"b\":{}}]}]"));
    check(valid("[[],[],[],[],[]]"));
    check(valid("[1,2,3,4,5,6,7,8,9]"));
    check(!valid("[1,2,3,4,5,6,7,8,9,10]"));
    check_str(why, "too many tokens");
    check(!valid("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}"));
    memset(deep, '[', sizeof(deep) - 1);
    check(!qmp_json_check(deep, sizeof(deep) - 1, &limits, &why));
    check_str(why, "nested too deeply");
}

static char value[16];

#define decode(text) \
    qmp_json_decode_string(text, sizeof(text) - 1, value, sizeof(value))

TEST(strings_are_decoded)
{
    check_int(decode("\"\""), 0);
    check_str(value, "");
    check_int(decode("\"a\\n\\\"\\u00e4\""), 0);
    check_str(value, "a\n\"\xc3\xa4");
    check_int(decode("\"\\ud83d\\ude00\""), 0);
    check_str(value, "\xf0\x9f\x98\x80");
    check_int(decode("\"cut\\u0000here\""), 0);
    check_str(value, "cut");
    check_int(decode("\"123456789012345\""), 0);
    check_str(value, "123456789012345");
}

TEST(what_is_no_string_or_too_long_is_not)
{
    check_int(decode("\"1234567890123456\""), -1);
    check_int(decode("5"), -1);
    check_int(decode("[\"a\"]"), -1);
    check_int(decode("\"a"), -1);
    check_int(decode("\"a\" \"b\""), -1);
    check_int(decode(""), -1);
}

static const char *encoded(const char *text)
{
    static struct qmp_buf buf;

    qmp_buf_dispose(&buf);
    qmp_buf_init(&buf, 1000);
    check_int(qmp_buf_append(&buf, "x", 1), 0);
    check_int(qmp_json_append_string(&buf, text), 0);
    check_int(qmp_buf_append(&buf, "", 1), 0);
    check_int(buf.data[0], 'x');
    return buf.data + 1;
}

TEST(strings_are_encoded)
{
    check_str(encoded(""), "\"\"");
    check_str(encoded("a\"b\\c\n\x01/"), "\"a\\\"b\\\\c\\n\\u0001/\"");
    check_str(encoded("\xc3\xa4"), "\"\xc3\xa4\"");
    check_str(encoded("a\xff\"\\\n\xc3" "b"), "\"a?????b\"");
}

TEST(a_buffer_without_room_is_an_error)
{
    struct qmp_buf buf;

    qmp_buf_init(&buf, 4);
    check_int(qmp_json_append_string(&buf, "abc"), -1);
    check_int(buf.len, 0);
    check_int(qmp_json_append_string(&buf, "ab"), 0);
    check_mem(buf.data, buf.len, "\"ab\"", 4);
    qmp_buf_dispose(&buf);
    qmp_buf_dispose(&buf);
}

TEST(a_buffer_is_a_queue)
{
    struct qmp_buf buf;
    char expected = 0, next = 0;

    qmp_buf_init(&buf, 5000);
    check_int(qmp_buf_append(&buf, NULL, 0), 0);
    qmp_buf_consume(&buf, 0);
    for (int i = 0; i < 20000; i++) {
        check_int(qmp_buf_append(&buf, &next, 1), 0);
        next++;
        if (i % 5) {
            check_int(buf.data[0], expected);
            qmp_buf_consume(&buf, 1);
            expected++;
        }
    }
    check_int(buf.len, 4000);
    check(!qmp_buf_reserve(&buf, 1001));
    check(qmp_buf_reserve(&buf, 1000));
    for (size_t i = 0; i < buf.len; i++)
        check_int(buf.data[i], (char)(expected + (char)i));
    qmp_buf_dispose(&buf);
}

TAP_MAIN()
