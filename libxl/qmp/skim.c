/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "skim.h"

#include <string.h>

void qmp_skim_init(struct qmp_skim *skim)
{
    *skim = (struct qmp_skim){ .depth = 0 };
}

static bool key_is(const struct qmp_skim *skim, const char *key)
{
    return skim->key_len == strlen(key) &&
           !memcmp(skim->key, key, skim->key_len);
}

/* The top level's punctuation, outside strings. */
static void see_mark(struct qmp_skim *skim, char c)
{
    if (c == ':') {
        skim->in_value = true;
        skim->error |= key_is(skim, "error");
        if (key_is(skim, "id")) {
            skim->in_id = !skim->ids;
            skim->ids = true;
            skim->id_len = 0;
        }
    } else if (c == ',' || c == '}') {
        skim->in_value = skim->in_id = false;
        skim->key_len = 0;
    }
}

/* Part of the id, or of a key of the top level. */
static void keep(struct qmp_skim *skim, char c)
{
    bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';

    if (skim->in_id && (skim->quoted || !blank)) {
        if (skim->id_len < sizeof(skim->id)) {
            skim->id[skim->id_len++] = c;
        } else {
            skim->in_id = false;
            skim->id_len = 0;
        }
    } else if (skim->depth == 1 && !skim->in_value && skim->quoted) {
        /* One that is too long is none of those looked for. */
        if (skim->key_len < sizeof(skim->key))
            skim->key[skim->key_len++] = c;
    }
}

static void see_quoted(struct qmp_skim *skim, char c)
{
    bool ends = c == '"' && !skim->escaped;

    skim->escaped = c == '\\' && !skim->escaped;
    if (!ends || skim->in_id)
        keep(skim, c);
    skim->quoted = !ends;
}

static void see_plain(struct qmp_skim *skim, char c)
{
    if (skim->depth == 1 && (c == ':' || c == ',' || c == '}'))
        see_mark(skim, c);
    else
        keep(skim, c);
    if (c == '{' || c == '[')
        skim->depth++;
    else if (c == '}' || c == ']')
        skim->depth--;
    skim->quoted = c == '"';
    skim->ended = !skim->depth;
}

size_t qmp_skim_read(struct qmp_skim *skim, const char *bytes, size_t n)
{
    size_t i = 0;

    for (; i < n && !skim->ended; i++)
        if (skim->quoted)
            see_quoted(skim, bytes[i]);
        else
            see_plain(skim, bytes[i]);
    return i;
}
