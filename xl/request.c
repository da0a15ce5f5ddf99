/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words become a tree of members, which is then written as JSON. Values are
 * checked one by one, so that a complaint names the word that is wrong, and
 * the whole once more, since nobody else limits its depth.
 */
#include "request.h"

#include "libxl/qmp/json.h"
#include "libxl/qmp/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As much as the library sends (XLQMP_COMMAND_MAX). */
#define REQUEST_MAX   (1u << 20)
/* A command has a few dozen arguments at most. */
#define REQUEST_WORDS 1024

/* Bytes of a key or word that a complaint repeats. */
#define KEY_SHOWN     60

#define BLANKS " \t\r\n"

/* A member of an object: either json or children. */
struct member {
    char *key, *json;
    struct member *children, *next;
};

void request_dispose(struct request *request)
{
    free(request->command);
    free(request->arguments);
    request->command = NULL;
    request->arguments = NULL;
}

__attribute__((format(printf, 2, 3)))
static bool wrong(struct request *request, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(request->why, sizeof(request->why), fmt, ap);
    va_end(ap);
    return false;
}

static bool json_ok(const char *text, const char **why_r)
{
    static const struct qmp_json_limits limits = {
        .depth = QMP_MESSAGE_DEPTH_MAX,
        .tokens = QMP_MESSAGE_TOKENS_MAX,
    };

    return qmp_json_check(text, strlen(text), &limits, why_r);
}

static void members_free(struct member *member)
{
    while (member) {
        struct member *next = member->next;

        members_free(member->children);
        free(member->key);
        free(member->json);
        free(member);
        member = next;
    }
}

/* Finds or adds it, at the end. NULL: no memory. */
static struct member *member_get(struct member **list, const char *key,
                                 size_t n)
{
    struct member *member;

    for (; *list; list = &(*list)->next)
        if (strlen((*list)->key) == n && !memcmp((*list)->key, key, n))
            return *list;
    member = calloc(1, sizeof(*member));
    if (!member)
        return NULL;
    member->key = strndup(key, n);
    if (!member->key) {
        free(member);
        return NULL;
    }
    return *list = member;
}

/* Does it look like JSON, and not like a string? */
static bool looks_like_json(const char *value)
{
    const char *why;

    if (strchr("{[\"", *value))
        return *value;
    return !strcmp(value, "true") || !strcmp(value, "false") ||
           !strcmp(value, "null") ||
           ((*value == '-' || (*value >= '0' && *value <= '9')) &&
            json_ok(value, &why));
}

static char *json_string(const char *value)
{
    struct qmp_buf buf;
    char *json = NULL;

    qmp_buf_init(&buf, REQUEST_MAX);
    if (!qmp_json_append_string(&buf, value))
        json = strndup(buf.data, buf.len);
    qmp_buf_dispose(&buf);
    return json;
}

/* KEY=VALUE or KEY:=JSON. */
static bool member_add(struct request *request, struct member **root,
                       const char *word)
{
    const char *equals = strchr(word, '='), *key = word, *why;
    struct member **list = root, *member = NULL;
    unsigned int depth = 0;
    size_t n;
    bool forced;
    int shown;

    if (!equals || equals == word)
        return wrong(request, "what is '%.60s'? Arguments are KEY=VALUE..., "
                     "or one JSON object", word);
    forced = equals[-1] == ':';
    n = (size_t)(equals - word) - forced;
    shown = n < KEY_SHOWN ? (int)n : KEY_SHOWN;
    for (const char *end = word + n; key <= end; list = &member->children) {
        size_t part = strcspn(key, ".=");

        if (part > (size_t)(end - key))
            part = (size_t)(end - key);
        if (!part || ++depth >= QMP_MESSAGE_DEPTH_MAX)
            return wrong(request, "'%.*s' is no key", shown, word);
        if (member && member->json)
            break;
        member = member_get(list, key, part);
        if (!member)
            return wrong(request, "out of memory");
        key += part + 1;
    }
    if (member->json || member->children)
        return wrong(request, "'%.*s' is given twice", shown, word);
    forced |= looks_like_json(equals + 1);
    if (forced && !json_ok(equals + 1, &why))
        return wrong(request, "the value of '%.*s' is %s", shown,
                     word, why);
    member->json = forced ? strdup(equals + 1) : json_string(equals + 1);
    return member->json || wrong(request, "out of memory, or too long");
}

/* Recurses as deep as keys have dots, which member_add() limits. */
static bool object_append(struct qmp_buf *buf, const struct member *member)
{
    const char *separator = "{";

    for (; member; member = member->next, separator = ", ") {
        if (qmp_buf_printf(buf, "%s", separator) ||
            qmp_json_append_string(buf, member->key) ||
            qmp_buf_append(buf, ": ", 2))
            return false;
        if (member->json ? qmp_buf_append(buf, member->json,
                                          strlen(member->json)) :
                           !object_append(buf, member->children))
            return false;
    }
    return !qmp_buf_append(buf, "}", 1);
}

bool request_arguments(struct request *request, size_t n,
                       char *const words[])
{
    struct member *root = NULL;
    struct qmp_buf buf;
    const char *why = "too long";
    bool ok = true;

    if (!n)
        return true;
    qmp_buf_init(&buf, REQUEST_MAX);
    if (n == 1 && strchr("{[\"", words[0][strspn(words[0], BLANKS)])) {
        why = "not an object";
        ok = json_ok(words[0], &why) &&
             words[0][strspn(words[0], BLANKS)] == '{';
        if (ok)
            request->arguments = strdup(words[0]);
    } else {
        for (size_t i = 0; ok && i < n; i++)
            ok = member_add(request, &root, words[i]);
        if (!ok)
            goto out;
        ok = object_append(&buf, root) && !qmp_buf_append(&buf, "", 1) &&
             json_ok(buf.data, &why);
        if (ok)
            request->arguments = strdup(buf.data);
    }
    if (!ok)
        wrong(request, "the arguments are %s; they must be one JSON object, "
              "as in '{\"id\": \"net0\"}', or KEY=VALUE...", why);
    else if (!request->arguments)
        ok = wrong(request, "out of memory");
out:
    qmp_buf_dispose(&buf);
    members_free(root);
    return ok;
}

/* Where the JSON that begins here ends: at its closing quote or bracket, or
 * at the end of the line; whether it is valid is seen later. */
static const char *json_end(const char *p)
{
    unsigned int depth = 0;
    bool quoted = false;

    for (; *p; p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (!quoted && strchr("{[", *p))
            depth++;
        else if (!quoted && strchr("]}", *p) && depth)
            depth--;
        if (!quoted && !depth)
            return p + 1;
    }
    return p;
}

/* Bytes of blanks at p: also those that editors and web pages put where a
 * person sees a blank or nothing, a no-break space and a byte order mark. */
static size_t blanks_at(const char *p)
{
    static const char *const others[] = { "\xc2\xa0", "\xef\xbb\xbf" };
    const char *begin = p;

again:
    p += strspn(p, BLANKS);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (!strncmp(p, others[i], strlen(others[i]))) {
            p += strlen(others[i]);
            goto again;
        }
    return (size_t)(p - begin);
}

/* Cuts one word off *p, written to word_r, which has room for all of it.
 * False: a ' is missing. */
static bool word_take(const char **p, char *word_r)
{
    const char *end;
    bool value = true;          /* one may begin here */

    while (**p && !blanks_at(*p)) {
        if (**p == '\'') {
            end = strchr(++*p, '\'');
            if (!end)
                return false;
        } else if (value && strchr("{[\"", **p)) {
            end = json_end(*p);
        } else {
            value = **p == '=';
            *word_r++ = *(*p)++;
            continue;
        }
        memcpy(word_r, *p, (size_t)(end - *p));
        word_r += end - *p;
        *p = end + (*end == '\'');
        value = false;
    }
    *word_r = '\0';
    return true;
}

static bool json_line(struct request *request, const char *line)
{
    struct qmp_message message;
    char name[256];
    const char *why;

    if (!qmp_message_parse(&message, line, strlen(line), &why))
        return wrong(request, "the command is %s", why);
    if (message.kind != QMP_COMMAND || message.oob ||
        (message.arguments.len &&
         *qmp_span_text(&message, message.arguments) != '{'))
        return wrong(request, "a command in JSON is {\"execute\": \"NAME\", "
                     "\"arguments\": {...}}");
    if (qmp_message_name(&message, name, sizeof(name)) || !*name)
        return wrong(request, "the command's name is none");
    request->command = strdup(name);
    if (message.arguments.len) {
        char *words = strndup(qmp_span_text(&message, message.arguments),
                              message.arguments.len);
        bool ok = words ? request_arguments(request, 1, &words) :
                          wrong(request, "out of memory");

        free(words);
        return ok;
    }
    return request->command || wrong(request, "out of memory");
}

static bool words_line(struct request *request, const char *p, char *text,
                       char **words)
{
    size_t n = 0;

    for (p += blanks_at(p); *p && *p != '#'; p += blanks_at(p)) {
        if (n == REQUEST_WORDS)
            return wrong(request, "too many arguments");
        words[n++] = text;
        if (!word_take(&p, text))
            return wrong(request, "a closing ' is missing");
        text += strlen(text) + 1;
    }
    if (!n)
        return true;
    request->command = strdup(words[0]);
    return request->command ? request_arguments(request, n - 1, words + 1) :
                              wrong(request, "out of memory");
}

bool request_line(struct request *request, const char *line)
{
    size_t blanks = blanks_at(line);
    char **words, *text;
    bool ok;

    if (strlen(line) > REQUEST_MAX)
        return wrong(request, "the command is too long");
    if (line[blanks] == '{')
        return json_line(request, line + blanks);
    words = calloc(REQUEST_WORDS, sizeof(*words));
    text = malloc(strlen(line) + 2);
    ok = words && text ? words_line(request, line, text, words) :
                         wrong(request, "out of memory");
    free(text);
    free(words);
    return ok;
}
