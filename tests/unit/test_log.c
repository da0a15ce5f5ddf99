/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <fcntl.h>

#include "tap.h"

/* What the lines written by write_lines() put on stderr. */
static char *captured(void (*write_lines)(void))
{
    static char text[65536];
    int fds[2];
    ssize_t n;

    check_int(pipe2(fds, O_NONBLOCK), 0);
    check(dup2(fds[1], 2) == 2);
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_INFO);
    write_lines();
    n = read(fds[0], text, sizeof(text) - 1);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static void forge(void)
{
    log_warn("domain %d says %s", 3, "x\ntest: domain 4\x1b[2J\xc3\xa4");
    log_debug("not at this level");
}

TEST(one_call_writes_one_printable_line)
{
    check_str(captured(forge),
              "test: domain 3 says x?test: domain 4?[2J??\n");
}

static void flood(void)
{
    for (int i = 0; i < 1000; i++)
        log_guest(LOG_LEVEL_WARN, "flood");
    log_guest(LOG_LEVEL_WARN, "another call site");
}

TEST(a_call_site_is_limited_on_its_own)
{
    char *text = captured(flood);
    int lines = 0;

    for (char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    check_int(lines, LOG_GUEST_BURST + 1);
    check(strstr(text, "another call site"));
}

TEST(time_gives_lines_back_and_tells_what_was_lost)
{
    struct log_limit limit = { .last_s = 1000 };
    unsigned int held_back;

    for (int i = 0; i < LOG_GUEST_BURST; i++)
        check(log_limit_pass(&limit, 1000, &held_back));
    check(!log_limit_pass(&limit, 1000, &held_back));
    check(!log_limit_pass(&limit, 1000 + LOG_GUEST_INTERVAL_S - 1,
                          &held_back));
    check(log_limit_pass(&limit, 1000 + LOG_GUEST_INTERVAL_S, &held_back));
    check_int(held_back, 2);
    check(!log_limit_pass(&limit, 1000 + LOG_GUEST_INTERVAL_S, &held_back));
    /* A long silence gives a full burst back, not more. */
    for (int i = 0; i < LOG_GUEST_BURST; i++)
        check(log_limit_pass(&limit, 1000000, &held_back));
    check(!log_limit_pass(&limit, 1000000, &held_back));
}

TAP_MAIN()
