/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libxl/qmp/quotes.h"
#include "tap.h"

static void check_rewritten(const char *text, const char *ought)
{
    struct qmp_buf buf;
    size_t n = strlen(text);

    qmp_buf_init(&buf, 2 * n);
    check_int(qmp_quotes_found(text, n), strcmp(text, ought) != 0);
    check(!qmp_quotes_rewrite(text, n, &buf));
    check_int(buf.len, strlen(ought));
    check(!buf.len || !memcmp(buf.data, ought, buf.len));
    qmp_buf_dispose(&buf);
}

TEST(quotes_of_plain_json_stay)
{
    check_rewritten("{\"a\": \"it's\", \"b\\\"'\": [1, null]}",
                    "{\"a\": \"it's\", \"b\\\"'\": [1, null]}");
    check_rewritten("\"\\\\\"", "\"\\\\\"");
}

TEST(quotes_are_replaced)
{
    check_rewritten("{'a': 'b'}", "{\"a\": \"b\"}");
    check_rewritten("'say \"x\"'", "\"say \\\"x\\\"\"");
    check_rewritten("'say \\\"x'", "\"say \\\"x\"");
    check_rewritten("'it\\'s'", "\"it's\"");
    check_rewritten("\"it\\'s\"", "\"it's\"");
    check_rewritten("'\\\\'", "\"\\\\\"");
    check_rewritten("'\\u0041\\n'", "\"\\u0041\\n\"");
}

TEST(quotes_that_do_not_end_do_no_harm)
{
    check_rewritten("'a\\", "\"a\\");
    check_rewritten("\"a", "\"a");
    check_rewritten("", "");
}

/* A bound that callers rely on. */
TEST(quotes_at_most_double_a_text)
{
    char text[1000];
    struct qmp_buf buf;

    memset(text, '"', sizeof(text));
    text[0] = '\'';
    qmp_buf_init(&buf, 2 * sizeof(text));
    check(!qmp_quotes_rewrite(text, sizeof(text), &buf));
    qmp_buf_dispose(&buf);
}

TAP_MAIN()
