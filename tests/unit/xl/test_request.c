/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/request.c: what people type, and what becomes of it. */
#include "xl/request.h"

#include "tap.h"

static struct request request;

static const char *line(const char *text)
{
    static char said[1024];

    request_dispose(&request);
    if (!request_line(&request, text)) {
        request_dispose(&request);
        return request.why;
    }
    snprintf(said, sizeof(said), "%s %s",
             request.command ? request.command : "-",
             request.arguments ? request.arguments : "-");
    request_dispose(&request);
    return said;
}

TEST(values_are_json_by_their_form)
{
    check_str(line("c a=1 b=-2.5e3 c=true d=false e=null"),
              "c {\"a\": 1, \"b\": -2.5e3, \"c\": true, \"d\": false, "
              "\"e\": null}");
    check_str(line("c a=01 b=1.2.3 c=-x d=True e= f=0x10 g=a=b"),
              "c {\"a\": \"01\", \"b\": \"1.2.3\", \"c\": \"-x\", "
              "\"d\": \"True\", \"e\": \"\", \"f\": \"0x10\", "
              "\"g\": \"a=b\"}");
    check_str(line("c a=\"7\" b=[1, 2] c={\"x y\": {}} d:=3"),
              "c {\"a\": \"7\", \"b\": [1, 2], \"c\": {\"x y\": {}}, "
              "\"d\": 3}");
}

TEST(dots_lead_into_objects)
{
    check_str(line("c file.driver=file node-name=n file.locking.x=1 "
                   "file.filename=/a.b"),
              "c {\"file\": {\"driver\": \"file\", \"locking\": {\"x\": 1}, "
              "\"filename\": \"/a.b\"}, \"node-name\": \"n\"}");
}

TEST(words_end_at_blanks_outside_of_quotes)
{
    check_str(line("  c \t a='x y' 'b'=\"x # \\\" y\" k=it\"s # d=1\r\n"),
              "c {\"a\": \"x y\", \"b\": \"x # \\\" y\", "
              "\"k\": \"it\\\"s\"}");
    check_str(line("c '{\"a\": 1}'"), "c {\"a\": 1}");
    check_str(line("c {\"a\": \"} x\"}"), "c {\"a\": \"} x\"}");
    check_str(line("c a=\xc3\xa4\\n"), "c {\"a\": \"\xc3\xa4\\\\n\"}");
}

TEST(a_line_may_be_a_command_in_json)
{
    check_str(line(" {\"execute\": \"c\"}"), "c -");
    check_str(line("{\"arguments\": {\"a\": [1,  2]}, \"id\": 3, "
                   "\"execute\": \"c\"}"), "c {\"a\": [1,  2]}");
}

TEST(a_line_may_say_nothing)
{
    check_str(line(""), "- -");
    check_str(line(" \t\r\n"), "- -");
    check_str(line("  # c a=1"), "- -");
    check_str(line("c # a=1"), "c -");
}

/* A file that was written elsewhere, a line that was copied from a page. */
TEST(marks_and_spaces_of_editors_are_blanks)
{
    check_str(line("\xef\xbb\xbf" "stop"), "stop -");
    check_str(line("\xc2\xa0 a\xc2\xa0" "b=1 \xc2\xa0"), "a {\"b\": 1}");
    check_str(line("\xef\xbb\xbf{\"execute\": \"stop\"}"), "stop -");
    check_str(line("\xef\xbb\xbf# nothing"), "- -");
    /* What is quoted is the user's. */
    check_str(line("a 'b=x\xc2\xa0y'"), "a {\"b\": \"x\xc2\xa0y\"}");
}

TEST(complaints_name_the_word)
{
    check_str(line("c a"), "what is 'a'? Arguments are KEY=VALUE..., or one "
              "JSON object");
    check_str(line("c =1"), "what is '=1'? Arguments are KEY=VALUE..., or "
              "one JSON object");
    check_str(line("c a=1 a=2"), "'a' is given twice");
    check_str(line("c a=1 a.b=2"), "'a.b' is given twice");
    check_str(line("c a.b=1 a=2"), "'a' is given twice");
    check_str(line("c a..b=1"), "'a..b' is no key");
    check_str(line("c a.=1"), "'a.' is no key");
    check_str(line("c .a=1"), "'.a' is no key");
    check_str(line("c a={\"x\""), "the value of 'a' is not valid JSON");
    check_str(line("c a:=x"), "the value of 'a' is not valid JSON");
    check_str(line("c 'a=1"), "a closing ' is missing");
    check_str(line("{\"execute\": 1}"), "the command is a name that is no "
              "string");
    check_str(line("{\"event\": \"x\"}"), "a command in JSON is "
              "{\"execute\": \"NAME\", \"arguments\": {...}}");
    check_str(line("{\"exec-oob\": \"x\"}"), "a command in JSON is "
              "{\"execute\": \"NAME\", \"arguments\": {...}}");
    check(strstr(line("c [1]"), "the arguments are not an object"));
    check(strstr(line("{\"execute\": \"c\", \"arguments\": 1}"),
                 "a command in JSON is {"));
}

TEST(what_is_too_deep_or_too_long_is_refused)
{
    static char text[3 << 20];
    char *end = text + sprintf(text, "c ");

    for (int i = 0; i < 200; i++)
        end += sprintf(end, "a.");
    strcpy(end, "a=1");
    check(strstr(line(text), "is no key"));
    memset(text, 'x', sizeof(text) - 1);
    check_str(line(text), "the command is too long");
    end = text;
    for (int i = 0; i < 2000; i++)
        end += sprintf(end, "a%d=1 ", i);
    check_str(line(text), "too many arguments");
}

TAP_MAIN()
