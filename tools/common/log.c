/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

/* Longer lines are cut: enough for a path of PATH_MAX is not needed here. */
#define LOG_LINE_MAX 1024

static const char *log_program = "xenqmp";
static enum log_target log_target = LOG_TO_STDERR;
static enum log_level log_max_level = LOG_LEVEL_INFO;
static log_write_fn *log_diverted;

static struct log_entry {
    const struct log_site *site;    /* NULL: not used yet */
    uint32_t domid;
    struct log_limit limit;
} log_entries[LOG_LIMITS_MAX];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

void log_open(const char *program, enum log_target target,
              enum log_level max_level)
{
    log_program = program;
    log_target = target;
    log_max_level = max_level;
    if (target == LOG_TO_SYSLOG)
        openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void log_divert(log_write_fn *fn)
{
    log_diverted = fn;
}

void log_sanitise(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            text[i] = '?';
}

static void log_write(enum log_level level, unsigned int held_back,
                      const char *fmt, va_list ap)
{
    static const int priorities[] = {
        [LOG_LEVEL_ERROR] = LOG_ERR,
        [LOG_LEVEL_WARN] = LOG_WARNING,
        [LOG_LEVEL_INFO] = LOG_INFO,
        [LOG_LEVEL_DEBUG] = LOG_DEBUG,
    };
    char line[LOG_LINE_MAX + 64];
    size_t n;

    if (level > log_max_level)
        return;
    vsnprintf(line, LOG_LINE_MAX, fmt, ap);
    n = strlen(line);
    log_sanitise(line, n);
    if (held_back)
        snprintf(line + n, sizeof(line) - n,
                 " (%u lines like this held back)", held_back);
    if (log_target == LOG_TO_SYSLOG)
        syslog(priorities[level], "%s", line);
    else if (!log_diverted ||
             !log_diverted(log_program, priorities[level], line))
        fprintf(stderr, "%s: %s\n", log_program, line);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_write(level, 0, fmt, ap);
    va_end(ap);
}

/* As it is now: time gives lines back. */
static void limit_refill(struct log_limit *limit, int64_t now_s)
{
    int64_t refill = (now_s - limit->last_s) / LOG_GUEST_INTERVAL_S;

    if (refill <= 0)
        return;
    limit->tokens_used -= refill < limit->tokens_used ?
                          (unsigned int)refill : limit->tokens_used;
    limit->last_s += refill * LOG_GUEST_INTERVAL_S;
}

bool log_limit_pass(struct log_limit *limit, int64_t now_s,
                    unsigned int *held_back_r)
{
    limit_refill(limit, now_s);
    if (limit->tokens_used >= LOG_GUEST_BURST) {
        limit->held_back++;
        return false;
    }
    limit->tokens_used++;
    *held_back_r = limit->held_back;
    limit->held_back = 0;
    return true;
}

struct log_limit *log_limit_of(struct log_site *site, uint32_t domid,
                               int64_t now_s)
{
    size_t at = ((uintptr_t)site / sizeof(*site) + domid) % LOG_LIMITS_MAX;
    struct log_entry *room = NULL;

    for (size_t i = 0; i < LOG_LIMITS_MAX; i++) {
        struct log_entry *e = &log_entries[(at + i) % LOG_LIMITS_MAX];

        if (e->site == site && e->domid == domid)
            return &e->limit;
        if (e->site)
            limit_refill(&e->limit, now_s);
        /* All of its lines are back: a new one would be the same. */
        if (!room && !e->limit.tokens_used)
            room = e;
        if (!e->site)
            break;
    }
    if (!room)
        return &site->others;
    *room = (struct log_entry){ .site = site, .domid = domid,
                                .limit = { .last_s = now_s } };
    return &room->limit;
}

void log_limited(struct log_site *site, uint32_t domid,
                 enum log_level level, const char *fmt, ...)
{
    unsigned int held_back;
    struct timespec now;
    va_list ap;
    bool pass;

    if (level > log_max_level)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&log_lock);
    pass = log_limit_pass(log_limit_of(site, domid, now.tv_sec),
                          now.tv_sec, &held_back);
    pthread_mutex_unlock(&log_lock);
    if (!pass)
        return;
    va_start(ap, fmt);
    log_write(level, held_back, fmt, ap);
    va_end(ap);
}
