/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a console is to do, parsed from its keys in xenstore.
 *
 * The texts come from keys that dom0 owns (keys.h sees to that); they are
 * checked here all the same, once. docs/console-control.md describes them.
 */
#ifndef XENQMP_CONSOLE_XEN_SETTINGS_H
#define XENQMP_CONSOLE_XEN_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum output_kind {
    OUTPUT_PTY,
    OUTPUT_NULL,
    OUTPUT_FILE,
    OUTPUT_PIPE,
    OUTPUT_UNIX,
};

enum output_policy {
    POLICY_NONE,        /* pty, null, unix: there is nothing to choose */
    POLICY_LOG,         /* file: lossy, appended, capped and rotated */
    POLICY_SAVE,        /* file: lossless, between save-begin and sync */
    POLICY_REQUEST,     /* pipe: the data starts at the guest's first byte */
    POLICY_NOW,         /* pipe: the data starts at once */
};

/* Longer paths are refused; xenstore's own limit for a value is 4 KiB. */
#define SETTINGS_PATH_MAX 1024

/* Bytes buffered towards a reader. libxl's own default is 1 MiB. Less than
 * two rings costs a wake-up a line; more than 16 MiB a guest is memory that
 * a host with hundreds of guests does not have. */
#define SETTINGS_LIMIT_DEFAULT (1UL << 20)
#define SETTINGS_LIMIT_MIN     4096UL
#define SETTINGS_LIMIT_MAX     (16UL << 20)

struct settings {
    enum output_kind kind;
    enum output_policy policy;
    char path[SETTINGS_PATH_MAX];       /* file, pipe, unix; else "" */
    uid_t uid;                          /* unix: who may connect */
    size_t limit;
};

/* NULL: the key is absent. */
struct settings_text {
    const char *output, *policy, *limit;
};

/* -1: *why_r says in words what is wrong. */
int settings_parse(const struct settings_text *text, struct settings *r,
                   const char **why_r);
bool settings_equal(const struct settings *a, const struct settings *b);
const char *output_kind_name(enum output_kind kind);

/* All of text is a decimal number <= max. */
bool decimal_parse(const char *text, unsigned long long max,
                   unsigned long long *value_r);

#endif
