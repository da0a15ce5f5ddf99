/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys of a secondary console in xenstore. A domain owns its frontend's
 * directory: it can remove what is in there, and create what is missing, but
 * it cannot give a node to dom0. What is to be believed is dom0's.
 */
#ifndef CONSOLED_KEYS_H
#define CONSOLED_KEYS_H

#include <stdbool.h>
#include <xenstore.h>

/*
 * The value, to be freed, or NULL: there is no such node, or (*foreign_r is
 * set then) it is not dom0's. Value and owner are of one moment.
 */
char *key_read(struct xs_handle *xs, const char *dir, const char *name,
	       bool *foreign_r);
/* A number that anybody may have written; -1: none. */
int key_number(struct xs_handle *xs, const char *dir, const char *name);
/* Only where there is a node that is dom0's: none is made. */
bool key_write(struct xs_handle *xs, const char *dir, const char *name,
	       const char *value);

#endif
