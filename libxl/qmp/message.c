/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

/*
 * The scanner below walks over text that qmp_json_check() has accepted, so
 * brackets match and strings end; it still never leaves [0, len).
 */

static size_t skip_blank(const char *text, size_t len, size_t i)
{
    while (i < len && (text[i] == ' ' || text[i] == '\t' ||
                       text[i] == '\r' || text[i] == '\n'))
        i++;
    return i;
}

/* i stands at the opening quote; returns the place behind the closing. */
static size_t skip_string(const char *text, size_t len, size_t i)
{
    for (i++; i < len && text[i] != '"'; i++)
        if (text[i] == '\\')
            i++;
    return i < len ? i + 1 : len;
}

static size_t skip_value(const char *text, size_t len, size_t i)
{
    unsigned int depth = 0;

    do {
        char c = text[i];

        if (c == '"') {
            i = skip_string(text, len, i);
        } else if (c == '{' || c == '[') {
            depth++;
            i++;
        } else if (c == '}' || c == ']') {
            depth--;
            i++;
        } else if (!depth) {
            while (i < len && !strchr(",}] \t\r\n", text[i]))
                i++;
        } else {
            i++;
        }
    } while (depth && i < len);
    return i;
}

/* A walk over the members of one object. */
struct walk {
    const char *text;
    size_t len, at;             /* at: where the next member may begin */
    size_t begin, end;          /* of the member, without commas */
    struct qmp_span key;        /* quotes included */
    struct qmp_span value;
};

static bool walk_open(struct walk *walk, const char *text, size_t off,
                      size_t len)
{
    *walk = (struct walk){ .text = text, .len = off + len, .at = off + 1 };
    return len && text[off] == '{';
}

static bool walk_next(struct walk *walk)
{
    size_t i = skip_blank(walk->text, walk->len, walk->at);

    if (i < walk->len && walk->text[i] == ',')
        i = skip_blank(walk->text, walk->len, i + 1);
    if (i >= walk->len || walk->text[i] != '"')
        return false;
    walk->begin = walk->key.off = i;
    i = skip_string(walk->text, walk->len, i);
    walk->key.len = i - walk->key.off;
    i = skip_blank(walk->text, walk->len, i);
    i = skip_blank(walk->text, walk->len, i + 1);    /* the colon */
    if (i >= walk->len)
        return false;
    walk->value.off = i;
    i = skip_value(walk->text, walk->len, i);
    walk->value.len = i - walk->value.off;
    walk->end = walk->at = i;
    return true;
}

static bool quoted_is(const char *text, struct qmp_span span,
                      const char *value)
{
    size_t n = strlen(value);

    return span.len == n + 2 && text[span.off] == '"' &&
           !memcmp(text + span.off + 1, value, n);
}

bool qmp_span_is_string(const struct qmp_message *message,
                        struct qmp_span span, const char *value)
{
    return quoted_is(message->text, span, value);
}

static const struct {
    const char *key;
    enum qmp_message_kind kind;
    bool oob, string;
} kinds[] = {
    { "QMP",      QMP_GREETING, false, false },
    { "return",   QMP_RETURN,   false, false },
    { "error",    QMP_ERROR,    false, false },
    { "event",    QMP_EVENT,    false, true },
    { "execute",  QMP_COMMAND,  false, true },
    { "exec-oob", QMP_COMMAND,  true,  true },
};

/* The id with the comma behind it or, if it is the last, before it. */
static struct qmp_span member_with_comma(const struct walk *walk,
                                         size_t comma_before)
{
    size_t next = skip_blank(walk->text, walk->len, walk->end);
    size_t begin = walk->begin, end = walk->end;

    if (next < walk->len && walk->text[next] == ',')
        end = next + 1;
    else if (comma_before)
        begin = comma_before;
    return (struct qmp_span){ begin, end - begin };
}

/* True if the member was one that the caller wants, not seen before. */
static bool take(struct qmp_span *span, const struct walk *walk)
{
    if (span->len)
        return false;
    *span = walk->value;
    return true;
}

static bool take_member(struct qmp_message *message,
                        const struct walk *walk, size_t previous_end,
                        const char **why_r)
{
    const char *text = walk->text;

    *why_r = "one key twice";
    if (memchr(text + walk->key.off, '\\', walk->key.len)) {
        *why_r = "an escape in a key";
        return false;
    }
    if (quoted_is(text, walk->key, "id")) {
        size_t comma = previous_end;

        if (!take(&message->id, walk))
            return false;
        if (comma)
            comma = skip_blank(text, walk->len, comma);
        message->id_member = member_with_comma(walk, comma);
        return true;
    }
    if (quoted_is(text, walk->key, "arguments"))
        return take(&message->arguments, walk);
    if (quoted_is(text, walk->key, "data"))
        return take(&message->data, walk);

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!quoted_is(text, walk->key, kinds[i].key))
            continue;
        if (!take(&message->value, walk)) {
            *why_r = "more than one of QMP, return, error, event, execute";
            return false;
        }
        if (kinds[i].string && text[walk->value.off] != '"') {
            *why_r = "a name that is no string";
            return false;
        }
        message->kind = kinds[i].kind;
        message->oob = kinds[i].oob;
    }
    return true;
}

bool qmp_message_parse(struct qmp_message *message, const char *text,
                       size_t len, const char **why_r)
{
    static const struct qmp_json_limits limits = {
        .depth = QMP_MESSAGE_DEPTH_MAX,
        .tokens = QMP_MESSAGE_TOKENS_MAX,
    };
    size_t previous_end = 0;
    struct walk walk;

    *message = (struct qmp_message){ .text = text, .len = len };
    if (len > QMP_MESSAGE_MAX) {
        *why_r = "too long";
        return false;
    }
    if (!qmp_json_check(text, len, &limits, why_r))
        return false;
    if (!walk_open(&walk, text, 0, len)) {
        *why_r = "not an object";
        return false;
    }
    message->first_member = 1;
    while (walk_next(&walk)) {
        if (!take_member(message, &walk, previous_end, why_r))
            return false;
        previous_end = walk.end;
    }
    if (!message->value.len) {
        *why_r = "none of QMP, return, error, event, execute";
        return false;
    }
    return true;
}

int qmp_message_append_with_id(const struct qmp_message *message,
                               const char *id, size_t n,
                               struct qmp_buf *buf)
{
    const char *text = message->text;
    struct qmp_span cut = message->id;
    size_t before = buf->len;

    if (!n) {
        cut = message->id_member;
    } else if (!cut.len) {
        cut.off = message->first_member;
    }
    if (qmp_buf_append(buf, text, cut.off))
        return -1;
    if (n && !message->id.len) {
        if (qmp_buf_printf(buf, "\"id\": %.*s, ", (int)n, id))
            goto fail;
    } else if (n && qmp_buf_append(buf, id, n)) {
        goto fail;
    }
    if (qmp_buf_append(buf, text + cut.off + cut.len,
                       message->len - cut.off - cut.len))
        goto fail;
    return 0;

fail:
    buf->len = before;
    return -1;
}

int qmp_message_name(const struct qmp_message *message, char *name_r,
                     size_t size)
{
    return qmp_json_decode_string(qmp_span_text(message, message->value),
                                  message->value.len, name_r, size);
}

bool qmp_message_member(const struct qmp_message *message,
                        struct qmp_span object, const char *key,
                        struct qmp_span *value_r)
{
    struct walk walk;

    if (!walk_open(&walk, message->text, object.off, object.len))
        return false;
    while (walk_next(&walk)) {
        if (quoted_is(message->text, walk.key, key)) {
            *value_r = walk.value;
            return true;
        }
    }
    return false;
}

bool qmp_message_members(const struct qmp_message *message,
                         struct qmp_span object, size_t *n_r)
{
    struct walk walk;

    *n_r = 0;
    if (!walk_open(&walk, message->text, object.off, object.len))
        return false;
    while (walk_next(&walk))
        ++*n_r;
    return true;
}

bool qmp_message_element(const struct qmp_message *message,
                         struct qmp_span array,
                         struct qmp_span *element_r)
{
    const char *text = message->text;
    size_t end = array.off + array.len;
    size_t i = element_r->len ? element_r->off + element_r->len :
               array.off + 1;

    if (!array.len || text[array.off] != '[')
        return false;
    i = skip_blank(text, end, i);
    if (i < end && text[i] == ',')
        i = skip_blank(text, end, i + 1);
    if (i >= end || text[i] == ']')
        return false;
    element_r->off = i;
    element_r->len = skip_value(text, end, i) - i;
    return true;
}

/* A member of the error, decoded: the caller's to free, or NULL. */
static char *decoded_member(const struct qmp_message *message,
                            const char *key)
{
    struct qmp_span span;
    char *decoded;

    if (!qmp_message_member(message, message->value, key, &span))
        return NULL;
    /* Never longer than its text. */
    decoded = malloc(span.len + 1);
    if (decoded && qmp_json_decode_string(qmp_span_text(message, span),
                                          span.len, decoded,
                                          span.len + 1)) {
        free(decoded);
        decoded = NULL;
    }
    return decoded;
}

static void printable_member(const struct qmp_message *message,
                             const char *key, char *value_r, size_t size)
{
    char *decoded = decoded_member(message, key);
    const char *value = decoded ? decoded : "?";
    size_t n = strlen(value);

    if (n >= size)
        n = size - 1;
    for (size_t i = 0; i < n; i++)
        value_r[i] = value[i] < 0x20 || value[i] > 0x7e ? '?' : value[i];
    value_r[n] = '\0';
    free(decoded);
}

void qmp_message_error(const struct qmp_message *message, char *class_r,
                       size_t class_size, char *desc_r, size_t desc_size)
{
    printable_member(message, "class", class_r, class_size);
    printable_member(message, "desc", desc_r, desc_size);
}
