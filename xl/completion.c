/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The word at the cursor says what is asked for: the first a command, one
 * with = a value, else the name of a member behind the last dot.
 */
#include "completion.h"

#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"

/* What the schema is asked with. */
struct query {
    struct completion *completion;
    const char *prefix;
    char after;
    bool object;                /* the last name is one's */
};

static void add(const char *name, bool is_object, void *user)
{
    struct query *query = user;
    struct completion *completion = query->completion;
    char *copy;

    if (strncmp(name, query->prefix, strlen(query->prefix)) ||
        completion->n == COMPLETIONS_MAX || !(copy = strdup(name)))
        return;
    query->object = is_object;
    completion->names[completion->n++] = copy;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct completion *completion)
{
    size_t kept = 0;

    qsort(completion->names, completion->n, sizeof(*completion->names),
          compare);
    for (size_t i = 0; i < completion->n; i++) {
        if (kept && !strcmp(completion->names[kept - 1],
                            completion->names[i]))
            free(completion->names[i]);
        else
            completion->names[kept++] = completion->names[i];
    }
    completion->n = kept;
    if (!kept)
        return;
    completion->common = strlen(completion->names[0]);
    for (size_t i = 1; i < kept; i++)
        while (strncmp(completion->names[0], completion->names[i],
                       completion->common))
            completion->common--;
}

/* The word at the end of a copy of the line: key, or key=value. */
static void find_argument(struct query *query, const struct schema *schema,
                          const char *command, char *word,
                          const char *before)
{
    char *equals = strchr(word, '='), *dot = strrchr(word, '.');

    if (equals) {
        *equals = '\0';
        query->prefix = equals + 1;
        query->after = ' ';
        schema_values(schema, command, word, before, add, query);
        return;
    }
    query->prefix = dot ? dot + 1 : word;
    query->after = '=';
    if (dot) {
        *dot = '\0';
        schema_members(schema, command, word, before, add, query);
    } else {
        schema_members(schema, command, "", before, add, query);
    }
}

void completion_find(struct completion *completion,
                     const struct schema *schema, const char *line)
{
    struct query query = { .completion = completion, .after = ' ' };
    char *copy, *word, *command;
    const char *rest;

    line += strspn(line, BLANKS);
    rest = line + strcspn(line, BLANKS);
    copy = strdup(line);
    command = strndup(line, (size_t)(rest - line));
    if (!copy || !command)
        goto out;
    word = copy + strlen(copy);
    while (word > copy && !strchr(BLANKS, word[-1]))
        word--;
    if (*rest) {
        find_argument(&query, schema, command, word, rest);
    } else {
        query.prefix = copy;
        schema_commands(schema, add, &query);
    }
    completion->typed = strlen(query.prefix);
    sort(completion);
    completion->after = query.object ? '.' : query.after;
out:
    free(command);
    free(copy);
}

void completion_dispose(struct completion *completion)
{
    for (size_t i = 0; i < completion->n; i++)
        free(completion->names[i]);
    completion->n = 0;
}
