/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json.h"

#include <string.h>

#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

#include "buf.h"

struct check {
    const struct qmp_json_limits *limits;
    unsigned int depth;
    size_t tokens;
    const char *why;
};

static const char too_many[] = "too many tokens";
static const char too_deep[] = "nested too deeply";

bool qmp_json_is_limit(const char *why)
{
    return why == too_many || why == too_deep;
}

static int count_token(struct check *check)
{
    if (++check->tokens <= check->limits->tokens)
        return 1;
    check->why = too_many;
    return 0;
}

static int open_bracket(void *ctx)
{
    struct check *check = ctx;

    if (++check->depth > check->limits->depth) {
        check->why = too_deep;
        return 0;
    }
    return count_token(check);
}

static int close_bracket(void *ctx)
{
    struct check *check = ctx;

    check->depth--;
    return 1;
}

static int see_null(void *ctx)
{
    return count_token(ctx);
}

static int see_boolean(void *ctx, int value)
{
    (void)value;
    return count_token(ctx);
}

static int see_number(void *ctx, const char *text, size_t n)
{
    (void)text;
    (void)n;
    return count_token(ctx);
}

static int see_string(void *ctx, const unsigned char *text, size_t n)
{
    (void)text;
    (void)n;
    return count_token(ctx);
}

/* yajl's own check takes overlong forms, surrogates, and what is beyond
 * Unicode (RFC 3629, section 4, has the ranges). */
static bool is_utf8(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + n;

    while (p < end) {
        unsigned char first = *p++, low = 0x80, high = 0xbf;
        int more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;

        if (first < 0x80)
            continue;
        if (first < 0xc2 || first > 0xf4)
            return false;
        if (first == 0xe0)
            low = 0xa0;
        else if (first == 0xf0)
            low = 0x90;
        else if (first == 0xed)
            high = 0x9f;
        else if (first == 0xf4)
            high = 0x8f;
        for (; more; more--, low = 0x80, high = 0xbf)
            if (p == end || *p < low || *p++ > high)
                return false;
    }
    return true;
}

bool qmp_json_check(const char *text, size_t n,
                    const struct qmp_json_limits *limits,
                    const char **why_r)
{
    static const yajl_callbacks callbacks = {
        .yajl_null = see_null,
        .yajl_boolean = see_boolean,
        .yajl_number = see_number,
        .yajl_string = see_string,
        .yajl_map_key = see_string,
        .yajl_start_map = open_bracket,
        .yajl_end_map = close_bracket,
        .yajl_start_array = open_bracket,
        .yajl_end_array = close_bracket,
    };
    struct check check = { .limits = limits, .why = "not valid JSON" };
    yajl_handle yajl = yajl_alloc(&callbacks, NULL, &check);
    bool ok;

    if (!yajl) {
        *why_r = "out of memory";
        return false;
    }
    /* yajl takes two more control bytes for white space. Who looks at the
     * text after this, doesn't. */
    ok = is_utf8(text, n) && !memchr(text, '\v', n) &&
         !memchr(text, '\f', n) &&
         yajl_parse(yajl, (const unsigned char *)text, n) ==
         yajl_status_ok &&
         yajl_complete_parse(yajl) == yajl_status_ok;
    if (!ok)
        *why_r = check.why;
    yajl_free(yajl);
    return ok;
}

struct decode {
    char *value;
    size_t size;
    bool done;
};

static int decode_string(void *ctx, const unsigned char *text, size_t n)
{
    struct decode *decode = ctx;

    if (n >= decode->size)
        return 0;
    if (n)
        memcpy(decode->value, text, n);
    decode->value[n] = '\0';
    decode->done = true;
    return 1;
}

int qmp_json_decode_string(const char *text, size_t n, char *value_r,
                           size_t size)
{
    static const yajl_callbacks callbacks = {
        .yajl_string = decode_string,
    };
    struct decode decode = { .value = value_r, .size = size };
    yajl_handle yajl;

    if (!n || text[0] != '"')
        return -1;
    yajl = yajl_alloc(&callbacks, NULL, &decode);
    if (!yajl)
        return -1;
    if (yajl_parse(yajl, (const unsigned char *)text, n) !=
        yajl_status_ok || yajl_complete_parse(yajl) != yajl_status_ok)
        decode.done = false;
    yajl_free(yajl);
    return decode.done ? 0 : -1;
}

int qmp_json_append_string(struct qmp_buf *buf, const char *value)
{
    yajl_gen gen = yajl_gen_alloc(NULL);
    const unsigned char *text;
    size_t n;
    int r = -1;

    if (!gen)
        return -1;
    yajl_gen_config(gen, yajl_gen_validate_utf8, 1);
    if (yajl_gen_string(gen, (const unsigned char *)value,
                        strlen(value)) != yajl_gen_status_ok) {
        /* Not UTF-8: say what of it is ASCII. */
        if (qmp_buf_append(buf, "\"", 1))
            goto out;
        for (; *value; value++) {
            bool plain = *value >= 0x20 && *value < 0x7f &&
                         *value != '"' && *value != '\\';

            if (qmp_buf_append(buf, plain ? value : "?", 1))
                goto out;
        }
        r = qmp_buf_append(buf, "\"", 1);
        goto out;
    }
    if (yajl_gen_get_buf(gen, &text, &n) == yajl_gen_status_ok)
        r = qmp_buf_append(buf, text, n);
out:
    yajl_gen_free(gen);
    return r;
}
