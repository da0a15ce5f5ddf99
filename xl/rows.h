/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The consoles that xenconsoled lists, one row each.
 */
#ifndef XENQMP_XL_ROWS_H
#define XENQMP_XL_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "host.h"

/* What the daemon tells of a console. */
enum field { FIELD_DOMID, FIELD_CONSOLE, FIELD_NAME, FIELD_TYPE,
             FIELD_STATE, FIELD_OUTPUT, FIELD_TTY, FIELD_RECEIVED,
             FIELD_SENT, FIELD_DROPPED, FIELD_BUFFERED, FIELD_ATTACHED,
             FIELDS_N };

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_FLAG };

extern const struct field_info {
    const char *key;            /* the daemon's */
    enum field_kind kind;
} fields[FIELDS_N];

struct row {
    /* Decoded; "" or "0" where the daemon said nothing. Numbers and flags
     * are digits. */
    const char *field[FIELDS_N];
    char *domain;               /* its name; NULL: unknown */
    enum stubdom_state state;   /* the domain's */
    const char *use;            /* "log", "QMP"...; "": unknown */
    int64_t viewers;            /* who look at a display; -1: unknown */
    /* private */
    char *text;                 /* what the fields point into */
};

/* Zero-initialised. */
struct rows {
    struct row *row;
    size_t n;
    bool no_memory;
};

void rows_dispose(struct rows *rows);

/* Parses one line of the list; data: the rows. A consoled_line_fn. */
void rows_add(char *line, void *data);

/* Fills in domains' names and consoles' uses. The rows of one domain stand
 * together. */
void rows_complete(struct rows *rows, struct host *host);

/* So many look at the display of that stubdomain. */
void rows_set_viewers(struct rows *rows, uint32_t stubdom, uint64_t viewers);
/* Whether that stubdomain has one. */
bool rows_have_display(const struct rows *rows, uint32_t stubdom);

#endif
