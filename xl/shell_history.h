/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines that were typed into xl-qmp shell, kept in a file of the user's.
 */
#ifndef XENQMP_XL_SHELL_HISTORY_H
#define XENQMP_XL_SHELL_HISTORY_H

#include <stdbool.h>

#include <histedit.h>

/* Zero-initialised. */
struct shell_history {
    /* readable */
    History *lines;
    /* private */
    char *path;                 /* NULL: not kept */
};

/* With what was kept. False: no memory. */
bool shell_history_open(struct shell_history *h);
/* As in shells, what begins with a blank is a secret. */
void shell_history_add(struct shell_history *h, const char *line);
/* Keeps it. Idempotent. */
void shell_history_close(struct shell_history *h);

#endif
