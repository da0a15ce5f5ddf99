/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp consoles: what xenconsoled serves, as a table or as JSON. libxl is
 * asked for names, and whether domains run; without it numbers do.
 */
#include "listing.h"
#include "tools/common/log.h"
#include "libxl/qmp/json.h"
#include "rows.h"
#include "sessions.h"

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
        if (row->viewers >= 0)
            qmp_buf_printf(text, ", \"viewers\": %" PRId64, row->viewers);
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

/* What a line of the table has made for it. */
struct made {
    char *domain;               /* with a word if it does not run */
    char *use;                  /* of a display: who look */
    char *output;               /* a terminal's name included */
};

static void made_dispose(struct made *made)
{
    free(made->domain);
    free(made->use);
    free(made->output);
}

/* The cells of one line of the table; NULL: the head. */
static void table_cells(const struct row *row, const char *cell_r[COLUMNS],
                        struct made *made)
{
    static const char *const head[COLUMNS] = {
        "ID", "DOMAIN", "CONSOLE", "USE", "TYPE", "STATE", "OUTPUT",
        "RECEIVED", "SENT", "DROPPED",
    };

    *made = (struct made){ NULL, NULL, NULL };
    if (!row) {
        memcpy(cell_r, head, sizeof(head));
        return;
    }
    if (*row->field[FIELD_TTY] &&
        asprintf(&made->output, "%s:%s", row->field[FIELD_OUTPUT],
                 row->field[FIELD_TTY]) < 0)
        made->output = NULL;
    if (row->viewers > 0 &&
        asprintf(&made->use, "%s (%" PRId64 " look%s)", row->use,
                 row->viewers, row->viewers == 1 ? "s" : "") < 0)
        made->use = NULL;
    if (stubdom_state_text(row->state) &&
        asprintf(&made->domain, "%s (%s)", row->domain ? row->domain : "-",
                 stubdom_state_name(row->state)) < 0)
        made->domain = NULL;
    cell_r[0] = row->field[FIELD_DOMID];
    cell_r[1] = made->domain ? made->domain : row->domain ? row->domain : "";
    cell_r[2] = row->field[FIELD_CONSOLE];
    cell_r[3] = made->use ? made->use : row->use;
    cell_r[4] = row->field[FIELD_TYPE];
    cell_r[5] = row->field[FIELD_STATE];
    cell_r[6] = made->output ? made->output : row->field[FIELD_OUTPUT];
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
    struct made made;

    /* The first round only measures; line 0 is the head. */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i <= rows->n; i++) {
            size_t begin = text->len;

            table_cells(i ? &rows->row[i - 1] : NULL, cell, &made);
            for (size_t c = 0; c < COLUMNS; c++) {
                int n = (int)strlen(cell[c]);

                if (!round && n > width[c])
                    width[c] = n;
                else if (round)
                    qmp_buf_printf(text, "%*s%s", right[c] ? width[c] :
                                   -width[c], cell[c],
                                   c + 1 < COLUMNS ? "  " : "");
            }
            made_dispose(&made);
            if (!round)
                continue;
            /* Names and paths are others' choice. */
            log_sanitise((char *)text->data + begin, text->len - begin);
            qmp_buf_printf(text, "\n");
        }
    }
}

struct consoles {
    struct rows rows;
    const struct options *options;
    struct host *host;
    struct sessions sessions;
};

static void ask_for_viewers(uint32_t domid, void *data)
{
    struct consoles *consoles = data;
    const struct session *session;
    uint32_t stubdom;

    /* Others' sockets are not ours to connect to. */
    if (!host_stubdom(consoles->host, domid, &stubdom) ||
        !rows_have_display(&consoles->rows, stubdom))
        return;
    session = sessions_ask(&consoles->sessions, consoles->host,
                           consoles->options, domid);
    if (session && session->display)
        rows_set_viewers(&consoles->rows, stubdom,
                         session->display_count[0]);
}

static bool consoles_write(struct qmp_buf *text, void *data, bool json,
                           struct host *host)
{
    struct consoles *consoles = data;

    consoles->host = host;
    rows_complete(&consoles->rows, host);
    host_domains(host, ask_for_viewers, consoles);
    (json ? json_rows : table_rows)(text, &consoles->rows);
    return !consoles->rows.no_memory && !consoles->sessions.no_memory;
}

static void consoles_add(char *line, void *data)
{
    rows_add(line, &((struct consoles *)data)->rows);
}

int cmd_consoles(const struct options *options, int argc, char **argv)
{
    static const struct listing listing = {
        .name = "consoles", .request = "list", .option = "--json",
        .add = consoles_add, .write = consoles_write,
    };
    struct consoles consoles = { .options = options };
    int rc = listing_command(&listing, options, argc, argv, &consoles);

    rows_dispose(&consoles.rows);
    sessions_dispose(&consoles.sessions);
    return rc;
}
