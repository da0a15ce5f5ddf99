/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenstore as a place where guests can write.
 *
 * A node counts as dom0's if the first entry of its permissions names
 * domain 0: that is its owner. A guest owns its frontend directories; in
 * them it can remove anything and create what is missing, but it cannot
 * give a node to dom0. Value and owner are read in one transaction, where
 * both come from one version of the node: dom0 may be taking over a node
 * that a guest made at this very moment. No directory of a guest's is
 * listed: libxenstore begins a long listing anew whenever the directory
 * changes, for as long as a guest cares to change it.
 */
#ifndef XENQMP_CONSOLE_XEN_STORE_H
#define XENQMP_CONSOLE_XEN_STORE_H

#include <stdbool.h>
#include <xenstore.h>

/* Most bytes of a path that is ours; the longest is a console's key. */
#define STORE_PATH_MAX 128

enum store_owner {
    STORE_ABSENT,       /* no such node */
    STORE_DOM0,         /* the value may be believed */
    STORE_FOREIGN,      /* a guest owns it, or it could not be found out */
};

enum store_owner store_owner(struct xs_handle *xs, xs_transaction_t t,
                             const char *path);

/* t: a transaction, not XBT_NULL. *value_r: terminated, to be freed; set
 * with STORE_DOM0 only. */
enum store_owner store_read_owned(struct xs_handle *xs, xs_transaction_t t,
                                  const char *path, char **value_r);

/* What anybody wrote, to be freed; NULL if absent. Values with bytes 0 in
 * them are treated as absent. */
char *store_read(struct xs_handle *xs, xs_transaction_t t,
                 const char *path);

/* Writes a node that exists and is dom0's, or that is missing in a
 * directory that is dom0's: it never brings back what was removed, and
 * never makes a node that a guest would own. False if not written; errno
 * EPERM if it is none of these, EAGAIN if somebody wrote there all the
 * time. */
bool store_write_owned(struct xs_handle *xs, const char *path,
                       const char *value);
/* The same in a directory in which nobody writes but dom0, a backend's, and
 * without a transaction: xenstored takes twice as long for one, or more. If
 * dom0 has removed the directory meanwhile, so does this. */
bool store_write_backend(struct xs_handle *xs, const char *path,
                         const char *value);
/* Empties such a node, if it says value. */
void store_clear_owned(struct xs_handle *xs, const char *path,
                       const char *value);

/* A connection of which nothing is ever asked: it hangs up when xenstored
 * ends, of which libxenstore says nothing to who waits for watch events. -1:
 * there is none, as with a xenstored in a domain of its own. */
int store_life_open(void);

#endif
