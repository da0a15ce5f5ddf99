/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp consoles: what xenconsoled serves, as a table or as JSON. libxl is
 * asked for names, and whether domains run; without it numbers do.
 */
#include "listing.h"
#include "tools/common/log.h"
#include "libxl/qmp/json.h"
#include "rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void json_field(struct qmp_buf *text, const char *key,
                       const char *value, enum field_kind kind)
{
    qmp_buf_printf(text, "\"%s\": ", key);
    if (!value)
        qmp_buf_printf(text, "null");
    else if (kind == FIELD_TEXT)
        qmp_json_append_string(text, value);
    else if (kind == FIELD_NUMBER)
        qmp_buf_printf(text, "%" PRIu64,
                       (uint64_t)strtoull(value, NULL, 10));
    else
        qmp_buf_printf(text, strcmp(value, "0") ? "true" : "false");
}

static void json_rows(struct qmp_buf *text, const struct rows *rows)
{
    qmp_buf_printf(text, "[");
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->row[i];

        qmp_buf_printf(text, "%s\n  {", i ? "," : "");
        json_field(text, "domain", row->domain, FIELD_TEXT);
        qmp_buf_printf(text, ", ");
        json_field(text, "domain-state", stubdom_state_name(row->state),
                   FIELD_TEXT);
        qmp_buf_printf(text, ", ");
        json_field(text, "use", row->use, FIELD_TEXT);
        for (size_t f = 0; f < FIELDS_N; f++) {
            qmp_buf_printf(text, ", ");
            json_field(text, fields[f].key, row->field[f],
                       fields[f].kind);
        }
        qmp_buf_printf(text, "}");
    }
    qmp_buf_printf(text, "%s]\n", rows->n ? "\n" : "");
}

#define COLUMNS 10

/* The cells of one line of the table; NULL: the head. To be freed are
 * domain_r, with a word if the domain does not run, and output_r: where the
 * bytes go, a terminal's name included. */
static void table_cells(const struct row *row, const char *cell_r[COLUMNS],
                        char **domain_r, char **output_r)
{
    static const char *const head[COLUMNS] = {
        "ID", "DOMAIN", "CONSOLE", "USE", "TYPE", "STATE", "OUTPUT",
        "RECEIVED", "SENT", "DROPPED",
    };

    *domain_r = *output_r = NULL;
    if (!row) {
        memcpy(cell_r, head, sizeof(head));
        return;
    }
    if (*row->field[FIELD_TTY] &&
        asprintf(output_r, "%s:%s", row->field[FIELD_OUTPUT],
                 row->field[FIELD_TTY]) < 0)
        *output_r = NULL;
    if (stubdom_state_text(row->state) &&
        asprintf(domain_r, "%s (%s)", row->domain ? row->domain : "-",
                 stubdom_state_name(row->state)) < 0)
        *domain_r = NULL;
    cell_r[0] = row->field[FIELD_DOMID];
    cell_r[1] = *domain_r ? *domain_r : row->domain ? row->domain : "";
    cell_r[2] = row->field[FIELD_CONSOLE];
    cell_r[3] = row->use;
    cell_r[4] = row->field[FIELD_TYPE];
    cell_r[5] = row->field[FIELD_STATE];
    cell_r[6] = *output_r ? *output_r : row->field[FIELD_OUTPUT];
    cell_r[7] = row->field[FIELD_RECEIVED];
    cell_r[8] = row->field[FIELD_SENT];
    cell_r[9] = row->field[FIELD_DROPPED];
    for (size_t c = 0; c < COLUMNS; c++)
        if (!*cell_r[c])
            cell_r[c] = "-";
}

static void table_rows(struct qmp_buf *text, const struct rows *rows)
{
    /* Numbers stand to the right. */
    static const bool right[COLUMNS] = {
        [0] = true, [2] = true, [7] = true, [8] = true, [9] = true,
    };
    const char *cell[COLUMNS];
    int width[COLUMNS] = { 0 };
    char *domain, *output;

    /* The first round only measures; line 0 is the head. */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i <= rows->n; i++) {
            size_t begin = text->len;

            table_cells(i ? &rows->row[i - 1] : NULL, cell, &domain,
                        &output);
            for (size_t c = 0; c < COLUMNS; c++) {
                int n = (int)strlen(cell[c]);

                if (!round && n > width[c])
                    width[c] = n;
                else if (round)
                    qmp_buf_printf(text, "%*s%s", right[c] ? width[c] :
                                   -width[c], cell[c],
                                   c + 1 < COLUMNS ? "  " : "");
            }
            free(domain);
            free(output);
            if (!round)
                continue;
            /* Names and paths are others' choice. */
            log_sanitise((char *)text->data + begin, text->len - begin);
            qmp_buf_printf(text, "\n");
        }
    }
}

static bool consoles_write(struct qmp_buf *text, void *data, bool json,
                           struct host *host)
{
    struct rows *rows = data;

    rows_complete(rows, host);
    (json ? json_rows : table_rows)(text, rows);
    return !rows->no_memory;
}

int cmd_consoles(const struct options *options, int argc, char **argv)
{
    static const struct listing listing = {
        .name = "consoles", .request = "list", .option = "--json",
        .add = rows_add, .write = consoles_write,
    };
    struct rows rows = { .n = 0 };
    int rc = listing_command(&listing, options, argc, argv, &rows);

    rows_dispose(&rows);
    return rc;
}
