/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings.h"

#include <assert.h>
#include <string.h>
#include <sys/un.h>

/* What is bound beside a unix output's socket must fit as well. */
#define CONTROL_SUFFIX ".ctl"

static const char *const kind_names[] = {
    [OUTPUT_PTY] = "pty",
    [OUTPUT_NULL] = "null",
    [OUTPUT_FILE] = "file",
    [OUTPUT_PIPE] = "pipe",
    [OUTPUT_UNIX] = "unix",
};
static_assert(sizeof(kind_names) / sizeof(kind_names[0]) ==
              OUTPUT_UNIX + 1, "one name per kind");

const char *output_kind_name(enum output_kind kind)
{
    return kind_names[kind];
}

bool decimal_parse(const char *text, unsigned long long max,
                   unsigned long long *value_r)
{
    unsigned long long value = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        unsigned int digit = (unsigned int)*text - '0';

        if (digit > 9 || value > (max - digit) / 10)
            return false;
        value = 10 * value + digit;
    }
    *value_r = value;
    return value <= max;
}

/* Takes the n bytes at text as the path. */
static int path_set(struct settings *s, const char *text, size_t n,
                    const char **why_r)
{
    if (!n || text[0] != '/') {
        *why_r = "the path in 'output' is not absolute";
        return -1;
    }
    if (n >= sizeof(s->path)) {
        *why_r = "the path in 'output' is too long";
        return -1;
    }
    memcpy(s->path, text, n);
    s->path[n] = '\0';
    return 0;
}

static bool starts(const char *text, size_t n, const char *with)
{
    return n >= strlen(with) && !memcmp(text, with, strlen(with));
}

/* The options behind a unix path, from a comma to the next. */
static int unix_options(struct settings *s, const char *text,
                        const char **why_r)
{
    while (*text) {
        size_t n = strcspn(++text, ",");
        unsigned long long uid;
        char number[16] = "";

        if (starts(text, n, "uid=") && n - 4 < sizeof(number)) {
            memcpy(number, text + 4, n - 4);
            /* The last uid_t means "none" to chown(). */
            if (!decimal_parse(number, (uid_t)-2, &uid)) {
                *why_r = "'uid=' in 'output' is not a user's number";
                return -1;
            }
            s->uid = (uid_t)uid;
        } else if (!(n == 9 && starts(text, n, "server=on")) &&
                   !(n == 8 && starts(text, n, "wait=off"))) {
            *why_r = "unknown option behind the path in 'output'; "
                     "uid=N, server=on and wait=off are known";
            return -1;
        }
        text += n;
    }
    return 0;
}

static int unix_parse(struct settings *s, const char *text,
                      const char **why_r)
{
    size_t n = strcspn(text, ",");

    if (path_set(s, text, n, why_r))
        return -1;
    if (n + sizeof(CONTROL_SUFFIX) >
        sizeof(((struct sockaddr_un *)0)->sun_path)) {
        *why_r = "the path in 'output' is too long for a socket";
        return -1;
    }
    return unix_options(s, text + n, why_r);
}

static int output_parse(struct settings *s, const char *text,
                        const char **why_r)
{
    size_t n = strlen(text);

    if (!n || !strcmp(text, "pty")) {
        s->kind = OUTPUT_PTY;
        return 0;
    }
    if (!strcmp(text, "null")) {
        s->kind = OUTPUT_NULL;
        return 0;
    }
    if (starts(text, n, "file:")) {
        s->kind = OUTPUT_FILE;
        return path_set(s, text + 5, n - 5, why_r);
    }
    if (starts(text, n, "pipe:")) {
        s->kind = OUTPUT_PIPE;
        return path_set(s, text + 5, n - 5, why_r);
    }
    if (starts(text, n, "unix:")) {
        s->kind = OUTPUT_UNIX;
        return unix_parse(s, text + 5, why_r);
    }
    *why_r = "'output' is none of pty, null, file:PATH, pipe:PATH, "
             "unix:PATH";
    return -1;
}

static int policy_parse(struct settings *s, const char *text,
                        const char **why_r)
{
    static const struct {
        enum output_kind kind;
        const char *name;
        enum output_policy policy;
    } policies[] = {
        /* the first of a kind is its default */
        { OUTPUT_FILE, "log", POLICY_LOG },
        { OUTPUT_FILE, "save", POLICY_SAVE },
        { OUTPUT_PIPE, "request", POLICY_REQUEST },
        { OUTPUT_PIPE, "now", POLICY_NOW },
    };
    bool chosen = text && *text;

    s->policy = POLICY_NONE;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
        if (policies[i].kind == s->kind &&
            (!chosen || !strcmp(policies[i].name, text))) {
            s->policy = policies[i].policy;
            return 0;
        }
    if (!chosen)
        return 0;
    *why_r = "'policy' does not fit 'output': file: has log and save, "
             "pipe: has request and now";
    return -1;
}

static int limit_parse(struct settings *s, const char *text,
                       const char **why_r)
{
    unsigned long long limit;

    s->limit = SETTINGS_LIMIT_DEFAULT;
    if (!text || !*text)
        return 0;
    if (!decimal_parse(text, ~0ULL, &limit)) {
        *why_r = "'limit' is not a number of bytes";
        return -1;
    }
    /* 0 is "no limit" to Xen's daemon. */
    s->limit = !limit || limit > SETTINGS_LIMIT_MAX ? SETTINGS_LIMIT_MAX :
               limit < SETTINGS_LIMIT_MIN ? SETTINGS_LIMIT_MIN :
               (size_t)limit;
    return 0;
}

int settings_parse(const struct settings_text *text, struct settings *r,
                   const char **why_r)
{
    memset(r, 0, sizeof(*r));
    if (output_parse(r, text->output ? text->output : "", why_r) ||
        policy_parse(r, text->policy, why_r) ||
        limit_parse(r, text->limit, why_r))
        return -1;
    return 0;
}

bool settings_equal(const struct settings *a, const struct settings *b)
{
    return a->kind == b->kind && a->policy == b->policy &&
           a->uid == b->uid && a->limit == b->limit &&
           !strcmp(a->path, b->path);
}
