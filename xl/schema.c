/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text is searched anew for each question: some 200 kB, a millisecond,
 * and somebody at a keyboard asks. Types refer to each other by name and
 * may do so in circles; what is followed is only as deep as a path has
 * parts, and VARIANTS_DEPTH for unions in unions.
 */
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* QAPI's names have some 40 letters at most. */
#define NAME_MAX_LEN   128
/* QEMU nests a union in a union, once. */
#define VARIANTS_DEPTH 4

typedef struct qmp_span span_t;

struct search {
    const struct schema *schema;
    const char *line;           /* what has been typed */
    schema_fn *fn;
    void *user;
    /* Looking for this member instead, and its type. */
    const char *wanted;
    span_t found;
};

bool schema_init(struct schema *schema, const char *json)
{
    const char *why;

    schema_dispose(schema);
    if (asprintf(&schema->text, "{\"return\": %s}", json) < 0)
        schema->text = NULL;
    if (!schema->text ||
        !qmp_message_parse(&schema->message, schema->text,
                           strlen(schema->text), &why)) {
        schema_dispose(schema);
        return false;
    }
    return true;
}

void schema_dispose(struct schema *schema)
{
    free(schema->text);
    schema->text = NULL;
}

/* The string at span, unquoted, if it may be shown. */
static bool name_at(const struct schema *schema, span_t span,
                    char name_r[NAME_MAX_LEN])
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const char *text = schema->text + span.off;

    if (span.len < 3 || span.len - 2 >= NAME_MAX_LEN || *text != '"')
        return false;
    memcpy(name_r, text + 1, span.len - 2);
    name_r[span.len - 2] = '\0';
    return strspn(name_r, allowed) == span.len - 2;
}

/* The same of a member of an object. */
static bool name_of(const struct schema *schema, span_t object,
                    const char *key, char name_r[NAME_MAX_LEN])
{
    return qmp_message_member(&schema->message, object, key, &object) &&
           name_at(schema, object, name_r);
}

/* As name_of(), but types may be called "[int]". */
static bool member_is(const struct schema *schema, span_t object,
                      const char *key, const char *value)
{
    return qmp_message_member(&schema->message, object, key, &object) &&
           qmp_span_is_string(&schema->message, object, value);
}

/* The entry of that name and meta-type (NULL: any). */
static bool entry_find(const struct schema *schema, const char *name,
                       const char *meta, span_t *entry_r)
{
    span_t entry = { 0, 0 };

    while (schema->text &&
           qmp_message_element(&schema->message, schema->message.value,
                               &entry))
        if (member_is(schema, entry, "name", name) &&
            (!meta || member_is(schema, entry, "meta-type", meta))) {
            *entry_r = entry;
            return true;
        }
    return false;
}

/* The entry of the type that this member names; that of an array's elements
 * is none. */
static bool type_find(const struct schema *schema, span_t object,
                      const char *key, span_t *entry_r)
{
    char name[NAME_MAX_LEN];

    return name_of(schema, object, key, name) &&
           entry_find(schema, name, NULL, entry_r);
}

/* Is path.key=value on the line? */
static bool typed(const char *line, const char *path, const char *key,
                  const char *value)
{
    char *word;
    bool found = false;
    const char *at = line;
    size_t n;

    if (asprintf(&word, "%s%s%s=%s", path, *path ? "." : "", key,
                 value) < 0)
        return false;
    n = strlen(word);
    while (!found && (at = strstr(at, word))) {
        found = at > line && strchr(" \t", at[-1]) &&
                (!at[n] || strchr(" \t", at[n]));
        at++;
    }
    free(word);
    return found;
}

static void members_each(struct search *search, span_t type,
                         const char *path, unsigned int depth);

/* Those that the tag's value adds. */
static void variants_each(struct search *search, span_t type,
                          const char *path, unsigned int depth)
{
    const struct schema *schema = search->schema;
    char tag[NAME_MAX_LEN], name[NAME_MAX_LEN];
    span_t list, variant = { 0, 0 }, entry;

    if (depth == VARIANTS_DEPTH || !name_of(schema, type, "tag", tag) ||
        !qmp_message_member(&schema->message, type, "variants", &list))
        return;
    while (qmp_message_element(&schema->message, list, &variant))
        if (name_of(schema, variant, "case", name) &&
            typed(search->line, path, tag, name) &&
            type_find(schema, variant, "type", &entry))
            members_each(search, entry, path, depth + 1);
}

static void members_each(struct search *search, span_t type,
                         const char *path, unsigned int depth)
{
    const struct schema *schema = search->schema;
    span_t list, member = { 0, 0 }, entry;
    char name[NAME_MAX_LEN];

    if (!qmp_message_member(&schema->message, type, "members", &list))
        return;
    while (qmp_message_element(&schema->message, list, &member)) {
        if (!name_of(schema, member, "name", name))
            continue;
        if (search->wanted) {
            if (!strcmp(name, search->wanted))
                search->found = member;
            continue;
        }
        search->fn(name, type_find(schema, member, "type", &entry) &&
                   member_is(schema, entry, "meta-type", "object"),
                   search->user);
    }
    variants_each(search, type, path, depth);
}

/* An alternate is what it can be as an object. */
static void alternate_resolve(const struct schema *schema, span_t *type)
{
    span_t list, choice = { 0, 0 }, entry;

    if (!member_is(schema, *type, "meta-type", "alternate") ||
        !qmp_message_member(&schema->message, *type, "members", &list))
        return;
    while (qmp_message_element(&schema->message, list, &choice))
        if (type_find(schema, choice, "type", &entry) &&
            member_is(schema, entry, "meta-type", "object")) {
            *type = entry;
            return;
        }
}

/* The type of what lies at path in the command's arguments. */
static bool path_resolve(struct search *search, const char *command,
                         const char *path, span_t *type_r)
{
    const struct schema *schema = search->schema;
    char *walked = strdup(path), *part = walked, *dot;
    bool ok;

    ok = walked && entry_find(schema, command, "command", type_r) &&
         type_find(schema, *type_r, "arg-type", type_r);
    while (ok && *part) {
        char *before = part == walked ? strdup("") :
                       strndup(path, (size_t)(part - walked) - 1);

        dot = part + strcspn(part, ".");
        search->wanted = part;
        search->found = (span_t){ 0, 0 };
        part = dot + (*dot == '.');
        *dot = '\0';
        if (before)
            members_each(search, *type_r, before, 0);
        free(before);
        ok = search->found.len &&
             type_find(schema, search->found, "type", type_r);
        if (ok)
            alternate_resolve(schema, type_r);
    }
    search->wanted = NULL;
    free(walked);
    return ok;
}

void schema_commands(const struct schema *schema, schema_fn *fn, void *user)
{
    span_t entry = { 0, 0 };
    char name[NAME_MAX_LEN];

    while (schema->text &&
           qmp_message_element(&schema->message, schema->message.value,
                               &entry))
        if (member_is(schema, entry, "meta-type", "command") &&
            name_of(schema, entry, "name", name))
            fn(name, false, user);
}

void schema_members(const struct schema *schema, const char *command,
                    const char *path, const char *line, schema_fn *fn,
                    void *user)
{
    struct search search = {
        .schema = schema, .line = line, .fn = fn, .user = user,
    };
    span_t type;

    if (path_resolve(&search, command, path, &type))
        members_each(&search, type, path, 0);
}

void schema_values(const struct schema *schema, const char *command,
                   const char *path, const char *line, schema_fn *fn,
                   void *user)
{
    struct search search = { .schema = schema, .line = line };
    span_t type, value = { 0, 0 };
    char name[NAME_MAX_LEN];

    if (!path_resolve(&search, command, path, &type))
        return;
    if (member_is(schema, type, "json-type", "boolean")) {
        fn("false", false, user);
        fn("true", false, user);
    }
    if (qmp_message_member(&schema->message, type, "values", &type))
        while (qmp_message_element(&schema->message, type, &value))
            if (name_at(schema, value, name))
                fn(name, false, user);
}
