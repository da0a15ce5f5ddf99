/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/xen/settings.h"

#include "tap.h"

static struct settings s;
static const char *why;

static bool parse(const char *output, const char *policy, const char *limit)
{
    struct settings_text text = { output, policy, limit };

    why = NULL;
    return !settings_parse(&text, &s, &why) && !why;
}

TEST(outputs)
{
    check(parse(NULL, NULL, NULL) && s.kind == OUTPUT_PTY);
    check(parse("", NULL, NULL) && s.kind == OUTPUT_PTY);
    check(parse("pty", NULL, NULL) && s.kind == OUTPUT_PTY);
    check(parse("null", NULL, NULL) && s.kind == OUTPUT_NULL);
    check(parse("file:/a/b", NULL, NULL) && s.kind == OUTPUT_FILE);
    check_str(s.path, "/a/b");
    check(parse("pipe:/a b,c", NULL, NULL) && s.kind == OUTPUT_PIPE);
    check_str(s.path, "/a b,c");
    check(parse("unix:/s", NULL, NULL) && s.kind == OUTPUT_UNIX);
    check_str(s.path, "/s");
    check_int(s.uid, 0);
}

TEST(unix_options)
{
    check(parse("unix:/s,uid=65534,server=on,wait=off", NULL, NULL));
    check_str(s.path, "/s");
    check_int(s.uid, 65534);
    check(parse("unix:/s,server=on,wait=off", NULL, NULL));
    check(!parse("unix:/s,uid=", NULL, NULL) && why);
    check(!parse("unix:/s,uid=-1", NULL, NULL) && why);
    check(!parse("unix:/s,uid=4294967295", NULL, NULL) && why);
    check(!parse("unix:/s,uid=99999999999999999999", NULL, NULL) && why);
    check(!parse("unix:/s,uid=1x", NULL, NULL) && why);
    check(!parse("unix:/s,wait=on", NULL, NULL) && why);
    check(!parse("unix:/s,wait=offx", NULL, NULL) && why);
    check(!parse("unix:/s,", NULL, NULL) && why);
    check(!parse("unix:,uid=1", NULL, NULL) && why);
}

TEST(bad_outputs)
{
    char path[2000];

    check(!parse("tty", NULL, NULL) && why);
    check(!parse("file:", NULL, NULL) && why);
    check(!parse("file:relative", NULL, NULL) && why);
    check(!parse("pipe:relative", NULL, NULL) && why);
    check(!parse("chardev:libxl-channel0", NULL, NULL) && why);
    check(!parse("ptyx", NULL, NULL) && why);
    memset(path, 'a', sizeof(path));
    memcpy(path, "file:/", 6);
    path[6 + SETTINGS_PATH_MAX - 1] = '\0';
    check(!parse(path, NULL, NULL) && why);
    path[5 + SETTINGS_PATH_MAX - 1] = '\0';
    check(parse(path, NULL, NULL));
    /* A socket's name and that of its control socket must fit. */
    memcpy(path, "unix:/", 6);
    path[5 + 104] = '\0';
    check(!parse(path, NULL, NULL) && why);
    path[5 + 103] = '\0';
    check(parse(path, NULL, NULL));
}

TEST(policies)
{
    check(parse("file:/f", NULL, NULL) && s.policy == POLICY_LOG);
    check(parse("file:/f", "", NULL) && s.policy == POLICY_LOG);
    check(parse("file:/f", "log", NULL) && s.policy == POLICY_LOG);
    check(parse("file:/f", "save", NULL) && s.policy == POLICY_SAVE);
    check(parse("pipe:/f", NULL, NULL) && s.policy == POLICY_REQUEST);
    check(parse("pipe:/f", "request", NULL) && s.policy == POLICY_REQUEST);
    check(parse("pipe:/f", "now", NULL) && s.policy == POLICY_NOW);
    check(parse("pty", NULL, NULL) && s.policy == POLICY_NONE);
    check(!parse("file:/f", "now", NULL) && why);
    check(!parse("pipe:/f", "save", NULL) && why);
    check(!parse("pty", "log", NULL) && why);
    check(!parse("unix:/s", "save", NULL) && why);
}

TEST(limits)
{
    check(parse(NULL, NULL, NULL));
    check_int(s.limit, 1048576);
    check(parse(NULL, NULL, "65536"));
    check_int(s.limit, 65536);
    check(parse(NULL, NULL, "1"));
    check_int(s.limit, 4096);
    check(parse(NULL, NULL, "999999999999"));
    check_int(s.limit, 16 << 20);
    check(parse(NULL, NULL, "0"));
    check_int(s.limit, 16 << 20);
    check(!parse(NULL, NULL, "1k") && why);
    check(!parse(NULL, NULL, "-1") && why);
    check(!parse(NULL, NULL, "99999999999999999999999") && why);
}

TEST(numbers)
{
    unsigned long long n;

    check(decimal_parse("0", 0, &n) && n == 0);
    check(decimal_parse("63", 63, &n) && n == 63);
    check(!decimal_parse("64", 63, &n));
    check(!decimal_parse("5", 3, &n));
    check(!decimal_parse("", 63, &n));
    check(!decimal_parse(" 1", 63, &n));
    check(!decimal_parse("1 ", 63, &n));
    check(!decimal_parse("0x1", 63, &n));
    check(decimal_parse("18446744073709551615", ~0ULL, &n) && n == ~0ULL);
    check(!decimal_parse("18446744073709551616", ~0ULL, &n));
}

TEST(equality)
{
    struct settings other;

    check(parse("unix:/s,uid=1", NULL, "5000"));
    other = s;
    check(settings_equal(&s, &other));
    other.uid = 2;
    check(!settings_equal(&s, &other));
    check(parse("unix:/s,uid=1", NULL, "5001"));
    other.uid = 1;
    check(!settings_equal(&s, &other));
}

TAP_MAIN()
