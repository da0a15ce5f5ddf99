/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/completion.c and xl/schema.c on a small schema, in QEMU's words. */
#include "xl/completion.h"

#include "tap.h"

static const char text[] =
"[{\"name\": \"stop\", \"ret-type\": \"0\", \"meta-type\": \"command\","
"  \"arg-type\": \"0\"},"
" {\"name\": \"set_link\", \"meta-type\": \"command\", \"arg-type\": \"1\"},"
" {\"name\": \"blockdev-add\", \"meta-type\": \"command\","
"  \"arg-type\": \"2\"},"
" {\"name\": \"STOP\", \"meta-type\": \"event\", \"arg-type\": \"0\"},"
" {\"name\": \"evil\\u001b[2J\", \"meta-type\": \"command\","
"  \"arg-type\": \"0\"},"
" {\"name\": \"0\", \"members\": [], \"meta-type\": \"object\"},"
" {\"name\": \"1\", \"meta-type\": \"object\", \"members\": ["
"   {\"name\": \"name\", \"type\": \"str\"},"
"   {\"name\": \"up\", \"type\": \"bool\"}]},"
" {\"name\": \"2\", \"meta-type\": \"object\", \"tag\": \"driver\","
"  \"members\": [{\"name\": \"driver\", \"type\": \"3\"},"
"   {\"name\": \"cache\", \"default\": null, \"type\": \"4\"}],"
"  \"variants\": [{\"case\": \"file\", \"type\": \"5\"},"
"   {\"case\": \"raw\", \"type\": \"6\"}]},"
" {\"name\": \"3\", \"meta-type\": \"enum\","
"  \"values\": [\"file\", \"raw\", \"rbd\"]},"
" {\"name\": \"4\", \"meta-type\": \"object\","
"  \"members\": [{\"name\": \"direct\", \"type\": \"bool\"},"
"   {\"name\": \"self\", \"type\": \"4\"}]},"
" {\"name\": \"5\", \"meta-type\": \"object\","
"  \"members\": [{\"name\": \"filename\", \"type\": \"str\"}]},"
" {\"name\": \"6\", \"meta-type\": \"object\","
"  \"members\": [{\"name\": \"file\", \"type\": \"7\"}]},"
" {\"name\": \"7\", \"meta-type\": \"alternate\","
"  \"members\": [{\"type\": \"2\"}, {\"type\": \"str\"}]},"
" {\"name\": \"bool\", \"json-type\": \"boolean\","
"  \"meta-type\": \"builtin\"},"
" {\"name\": \"str\", \"json-type\": \"string\","
"  \"meta-type\": \"builtin\"}]";

/* The names, then what follows, then how much is typed and common. */
static const char *find(const char *line)
{
    static char said[1024];
    struct completion completion = { .n = 0 };
    struct schema schema = { 0 };
    char *end = said;

    check(schema_init(&schema, text));
    completion_find(&completion, &schema, line);
    *end = '\0';
    for (size_t i = 0; i < completion.n; i++)
        end += sprintf(end, "%s ", completion.names[i]);
    if (completion.n == 1)
        end += sprintf(end, "'%c' ", completion.after);
    sprintf(end, "%zu %zu", completion.typed, completion.common);
    completion_dispose(&completion);
    completion_dispose(&completion);
    schema_dispose(&schema);
    schema_dispose(&schema);
    return said;
}

TEST(the_first_word_is_a_command)
{
    check_str(find(""), "blockdev-add set_link stop 0 0");
    check_str(find("s"), "set_link stop 1 1");
    check_str(find("  st"), "stop ' ' 2 4");
    check_str(find("ST"), "2 0");
}

TEST(the_others_are_its_arguments)
{
    check_str(find("set_link "), "name up 0 0");
    check_str(find("set_link na"), "name '=' 2 4");
    check_str(find("stop "), "0 0");
    check_str(find("start "), "0 0");
    check_str(find("blockdev-add c"), "cache '.' 1 5");
    check_str(find("blockdev-add cache."), "direct self 0 0");
    check_str(find("blockdev-add cache.self.self.d"), "direct '=' 1 6");
}

TEST(values_have_names_sometimes)
{
    check_str(find("set_link up="), "false true 0 0");
    check_str(find("set_link up=t"), "true ' ' 1 4");
    check_str(find("set_link name="), "0 0");
    check_str(find("blockdev-add driver=r"), "raw rbd 1 1");
    check_str(find("blockdev-add cache.direct=f"), "false ' ' 1 5");
    check_str(find("blockdev-add cache.other=f"), "1 0");
}

TEST(a_value_may_bring_more_arguments)
{
    check_str(find("blockdev-add driver=file "),
              "cache driver filename 0 0");
    check_str(find("blockdev-add driver=raw f"), "file '=' 1 4");
    check_str(find("blockdev-add driver=rawf f"), "1 0");
    check_str(find("blockdev-add driver=raw file.driver=file file.fi"),
              "filename '=' 2 8");
    check_str(find("blockdev-add driver=raw file.driver=r"), "raw rbd 1 1");
}

TEST(without_a_schema_there_is_nothing)
{
    struct completion completion = { .n = 0 };
    struct schema schema = { 0 };

    completion_find(&completion, &schema, "s");
    check_int(completion.n, 0);
    check(!schema_init(&schema, "[1"));
    check(schema_init(&schema, "{}"));
    completion_find(&completion, &schema, "set_link n");
    check_int(completion.n, 0);
    check(schema_init(&schema, "[1, {\"name\": 1}, [], {\"name\": \"c\", "
                      "\"meta-type\": \"command\", \"arg-type\": {}}]"));
    completion_find(&completion, &schema, "c n");
    check_int(completion.n, 0);
    schema_dispose(&schema);
}

TAP_MAIN()
