/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/common/log.h"

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
        log_guest(5, LOG_LEVEL_WARN, "flood");
    log_guest(5, LOG_LEVEL_WARN, "another call site");
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

/* Xen gives the next domid to the next guest. */
static void guest_warn(uint32_t domid)
{
    log_guest(domid, LOG_LEVEL_WARN, "domain %u is wrong", domid);
}

static void noise_and_a_warning(void)
{
    for (int i = 0; i < 1000; i++)
        guest_warn(5);
    guest_warn(6);
}

TEST(a_guests_noise_does_not_hide_anothers_only_warning)
{
    check(strstr(captured(noise_and_a_warning), "domain 6 is wrong"));
}

static void debug_noise(void)
{
    for (uint32_t domid = 1; domid <= LOG_LIMITS_MAX; domid++)
        log_guest(domid, LOG_LEVEL_DEBUG, "not at this level");
    noise_and_a_warning();
}

TEST(what_is_not_written_uses_up_nothing)
{
    check(strstr(captured(debug_noise), "domain 6 is wrong"));
}

/* Whether a guest may write a line at the site. */
static bool passes(struct log_site *site, uint32_t domid, int64_t now_s)
{
    unsigned int held_back;

    return log_limit_pass(log_limit_of(site, domid, now_s), now_s,
                          &held_back);
}

TEST(many_guests_get_no_more_lines_by_their_number)
{
    static struct log_site site, other;
    unsigned int lines = 0;

    for (int i = 0; i < LOG_GUEST_BURST; i++)
        check(passes(&site, 5, 1000));
    for (uint32_t domid = 6; domid < 6 + 10 * LOG_LIMITS_MAX; domid++)
        for (int i = 0; i < 2 * LOG_GUEST_BURST; i++)
            lines += passes(&site, domid, 1000);
    check_int(lines, LOG_LIMITS_MAX * LOG_GUEST_BURST);
    /* Nobody's limit was given up for theirs. */
    check(!passes(&site, 5, 1000));
    check(log_limit_of(&site, 5, 1000) != &site.others);
    /* One without room shares a limit, at one call site. */
    check(log_limit_of(&site, 4, 1000) == &site.others);
    check(passes(&other, 4, 1000));
}

TEST(the_room_of_guests_that_are_quiet_is_given_to_others)
{
    static struct log_site site;
    int64_t later = 1000 + LOG_GUEST_BURST * LOG_GUEST_INTERVAL_S;

    for (uint32_t domid = 1; domid <= LOG_LIMITS_MAX; domid++)
        for (int i = 0; i < LOG_GUEST_BURST; i++)
            check(passes(&site, domid, 1000));
    check(log_limit_of(&site, 99999, later - 1) == &site.others);
    for (uint32_t domid = 1; domid <= LOG_LIMITS_MAX; domid++) {
        check(log_limit_of(&site, 10000 + domid, later) != &site.others);
        check(passes(&site, 10000 + domid, later));
    }
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
