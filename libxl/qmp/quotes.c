/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Works on anything; what was no JSON but for its quotes is none
 * afterwards.
 */
#include "quotes.h"

#include <string.h>

/* What one byte, or an escape of two, is in plain JSON. quote: the kind of
 * string it stands in, 0 outside; kept. */
static size_t quotes_step(const char *text, size_t n, char *quote,
                          const char **plain_r, size_t *plain_n_r)
{
    char c = text[0];

    *plain_r = text;
    *plain_n_r = 1;
    if (!*quote) {
        if (c == '"' || c == '\'') {
            *quote = c;
            *plain_r = "\"";
        }
        return 1;
    }
    if (c == '\\' && n > 1) {
        if (text[1] == '\'')
            *plain_r = "'";
        else
            *plain_n_r = 2;
        return 2;
    }
    if (c == *quote) {
        *quote = 0;
        *plain_r = "\"";
    } else if (c == '"') {
        *plain_r = "\\\"";
        *plain_n_r = 2;
    }
    return 1;
}

bool qmp_quotes_found(const char *text, size_t n)
{
    const char *plain;
    size_t used, plain_n;
    char quote = 0;

    /* Most commands have none at all. */
    if (!memchr(text, '\'', n))
        return false;
    for (size_t i = 0; i < n; i += used) {
        used = quotes_step(text + i, n - i, &quote, &plain, &plain_n);
        if (used != plain_n || memcmp(text + i, plain, used))
            return true;
    }
    return false;
}

int qmp_quotes_rewrite(const char *text, size_t n, struct qmp_buf *buf)
{
    const char *plain;
    size_t used, plain_n;
    char quote = 0;

    for (size_t i = 0; i < n; i += used) {
        used = quotes_step(text + i, n - i, &quote, &plain, &plain_n);
        if (qmp_buf_append(buf, plain, plain_n))
            return -1;
    }
    return 0;
}
