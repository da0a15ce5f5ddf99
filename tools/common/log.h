/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines of xenqmp's programs.
 *
 * Every line is sanitised as a whole after formatting: whatever a guest or
 * a client managed to get into an argument, one call writes one line of
 * printable ASCII. Lines that a guest can cause go through
 * log_guest(), which limits each call site on its own for each guest: one
 * guest's noise never hides another's warning.
 */
#ifndef XENQMP_TOOLS_COMMON_LOG_H
#define XENQMP_TOOLS_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO,
                 LOG_LEVEL_DEBUG };

enum log_target {
    LOG_TO_STDERR,          /* one line each, "<program>: <text>" */
    LOG_TO_SYSLOG,          /* facility daemon, with the pid */
};

/* program is borrowed for ever. Lines above max_level are dropped. */
void log_open(const char *program, enum log_target target,
              enum log_level max_level);

/* Takes one line, sanitised, with syslog(3)'s priority. False: it goes to
 * standard error after all. */
typedef bool log_write_fn(const char *program, int priority,
                          const char *line);

/* Lines for standard error go there first. */
void log_divert(log_write_fn *fn);

void log_line(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* At one call site a guest may cause LOG_GUEST_BURST lines, then one more
 * for every LOG_GUEST_INTERVAL_S that passes; what was held back is counted
 * in the next line. 10 lines tell a story; one every 10 s keeps a flood at
 * less than a megabyte a day. */
#define LOG_GUEST_BURST      10
#define LOG_GUEST_INTERVAL_S 10

/* Limits in use at a time: 68 guests at 15 call sites each, in 32 KiB. One
 * that still holds something back is never given up for another, so nobody
 * gets more lines by making others' limits; when all are in use, those who
 * come last share one for each call site. */
#define LOG_LIMITS_MAX       1024

struct log_limit {
    unsigned int tokens_used, held_back;
    int64_t last_s;
};

/* A place in the source that guests can cause lines at. */
struct log_site {
    /* private */
    struct log_limit others;    /* of those for whom there is no room */
};

/* True if a line may be written now; *held_back_r = lines lost since. */
bool log_limit_pass(struct log_limit *limit, int64_t now_s,
                    unsigned int *held_back_r);
/* The limit of one guest at one place. */
struct log_limit *log_limit_of(struct log_site *site, uint32_t domid,
                               int64_t now_s);

/* For lines that a guest can cause, or a client of that guest's. domid 0:
 * no guest of several. From any thread. */
#define log_guest(domid, level, ...) do {                               \
        static struct log_site log_site_here;                           \
        log_limited(&log_site_here, (domid), (level), __VA_ARGS__);     \
    } while (0)

void log_limited(struct log_site *site, uint32_t domid,
                 enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Replaces everything but printable ASCII in the n bytes at text by '?',
 * in place. */
void log_sanitise(char *text, size_t n);

#endif
