/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is to be known of a reply that is too large to be kept: whose it is.
 * QEMU writes "id" behind the value that made the reply large, so all of
 * the message is looked at, in pieces, and next to nothing remembered.
 *
 * Nothing is checked but brackets and strings: the rest of the message is
 * dropped, and an id is worth no more than that it is one that is waited
 * for.
 */
#ifndef XENQMP_LIBXL_QMP_SKIM_H
#define XENQMP_LIBXL_QMP_SKIM_H

#include <stdbool.h>
#include <stddef.h>

/* Any that xenqmp gives has far less. */
#define QMP_SKIM_ID_MAX 64

struct qmp_skim {
    /* readable, once it has ended */
    bool ended;                 /* with its last bracket */
    bool error;                 /* it has a member "error" */
    char id[QMP_SKIM_ID_MAX];   /* id_len bytes, JSON; 0: it has none, or
                                 * a longer one, or more than one */
    size_t id_len;
    /* private */
    unsigned int depth;
    char key[8];
    size_t key_len;
    bool quoted, escaped, in_value, in_id, ids;
};

void qmp_skim_init(struct qmp_skim *skim);

/* Looks at the next n bytes of an object, up to its end: how many. */
size_t qmp_skim_read(struct qmp_skim *skim, const char *bytes, size_t n);

#endif
