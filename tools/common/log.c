/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

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

bool log_limit_pass(struct log_limit *limit, int64_t now_s,
                    unsigned int *held_back_r)
{
    int64_t refill = (now_s - limit->last_s) / LOG_GUEST_INTERVAL_S;

    if (refill > 0) {
        limit->tokens_used -= refill < limit->tokens_used ?
                              (unsigned int)refill : limit->tokens_used;
        limit->last_s += refill * LOG_GUEST_INTERVAL_S;
    }
    if (limit->tokens_used >= LOG_GUEST_BURST) {
        limit->held_back++;
        return false;
    }
    limit->tokens_used++;
    *held_back_r = limit->held_back;
    limit->held_back = 0;
    return true;
}

void log_limited(struct log_limit *limit, enum log_level level,
                 const char *fmt, ...)
{
    unsigned int held_back;
    struct timespec now;
    va_list ap;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!log_limit_pass(limit, now.tv_sec, &held_back))
        return;
    va_start(ap, fmt);
    log_write(level, held_back, fmt, ap);
    va_end(ap);
}
