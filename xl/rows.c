/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rows.h"

#include "consoled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What console 8 of a stubdomain is for. */
#define DISPLAY "display"

const struct field_info fields[FIELDS_N] = {
    [FIELD_DOMID] = { "domid", FIELD_NUMBER },
    [FIELD_CONSOLE] = { "console", FIELD_NUMBER },
    [FIELD_NAME] = { "name", FIELD_TEXT },
    [FIELD_TYPE] = { "type", FIELD_TEXT },
    [FIELD_STATE] = { "state", FIELD_TEXT },
    [FIELD_OUTPUT] = { "output", FIELD_TEXT },
    [FIELD_TTY] = { "tty", FIELD_TEXT },
    [FIELD_RECEIVED] = { "received", FIELD_NUMBER },
    [FIELD_SENT] = { "sent", FIELD_NUMBER },
    [FIELD_DROPPED] = { "dropped", FIELD_NUMBER },
    [FIELD_BUFFERED] = { "buffered", FIELD_NUMBER },
    [FIELD_ATTACHED] = { "attached", FIELD_FLAG },
};

void rows_dispose(struct rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        free(rows->row[i].text);
        free(rows->row[i].domain);
    }
    free(rows->row);
    *rows = (struct rows){ .n = 0 };
}

static void row_field(struct row *row, char *assignment)
{
    char *value = strchr(assignment, '=');

    if (!value)
        return;
    *value++ = '\0';
    consoled_decode(value);
    for (size_t i = 0; i < FIELDS_N; i++) {
        bool digits = *value && !value[strspn(value, "0123456789")];

        if (!strcmp(assignment, fields[i].key) &&
            (fields[i].kind == FIELD_TEXT || digits))
            row->field[i] = value;
    }
}

void rows_add(char *line, void *data)
{
    struct rows *rows = data;
    struct row *grown, *row;
    char *rest;

    grown = realloc(rows->row, (rows->n + 1) * sizeof(*rows->row));
    if (grown)
        rows->row = grown;
    if (!grown || !(grown[rows->n].text = strdup(line))) {
        rows->no_memory = true;
        return;
    }
    row = &grown[rows->n++];
    row->domain = NULL;
    row->state = STUBDOM_UNKNOWN;
    row->use = "";
    row->viewers = -1;
    for (size_t i = 0; i < FIELDS_N; i++)
        row->field[i] = fields[i].kind == FIELD_TEXT ? "" : "0";
    for (char *word = strtok_r(row->text, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest))
        row_field(row, word);
}

/* True for the rows of a stubdomain of xenqmp's. It is known by its QMP
 * console, whose socket is in the stubdomain's directory. */
static bool is_stubdom(const struct row *row, size_t n)
{
    char prefix[64];

    snprintf(prefix, sizeof(prefix), "unix:/run/xenqmp/%s/",
             row->field[FIELD_DOMID]);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(row[i].field[FIELD_CONSOLE], "3") &&
            !strncmp(row[i].field[FIELD_OUTPUT], prefix, strlen(prefix)))
            return true;
    return false;
}

/* The n rows of one domain. */
static void domain_complete(struct row *row, size_t n, struct host *host)
{
    static const char *const uses[] = {
        "log", "save", "restore", "QMP", [8] = DISPLAY,
    };
    uint32_t domid = (uint32_t)strtoul(row->field[FIELD_DOMID], NULL, 10);
    char *name = host_domain_name(host, domid);
    enum stubdom_state state = host_state(host, domid);
    bool stubdom = is_stubdom(row, n);

    for (size_t i = 0; i < n; i++) {
        unsigned long console = strtoul(row[i].field[FIELD_CONSOLE], NULL,
                                        10);

        if (stubdom)
            row[i].use = console < 4 || console == 8 ? uses[console] :
                         "serial";
        row[i].state = state;
        row[i].domain = name ? strdup(name) : NULL;
    }
    free(name);
}

void rows_complete(struct rows *rows, struct host *host)
{
    size_t begin = 0;

    for (size_t i = 1; i <= rows->n; i++) {
        if (i < rows->n && !strcmp(rows->row[i].field[FIELD_DOMID],
                                   rows->row[begin].field[FIELD_DOMID]))
            continue;
        domain_complete(rows->row + begin, i - begin, host);
        begin = i;
    }
}

static bool is_display(const struct row *row, uint32_t stubdom)
{
    return !strcmp(row->use, DISPLAY) &&
           strtoul(row->field[FIELD_DOMID], NULL, 10) == stubdom;
}

void rows_set_viewers(struct rows *rows, uint32_t stubdom, uint64_t viewers)
{
    for (size_t i = 0; i < rows->n; i++)
        if (is_display(&rows->row[i], stubdom))
            rows->row[i].viewers = (int64_t)viewers;
}

bool rows_have_display(const struct rows *rows, uint32_t stubdom)
{
    for (size_t i = 0; i < rows->n; i++)
        if (is_display(&rows->row[i], stubdom))
            return true;
    return false;
}
