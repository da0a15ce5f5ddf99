/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenstore as qmp-helper uses it. A node counts only if dom0 owns it: a
 * stubdomain can create nodes that libxl left out, but cannot give one to
 * dom0 (xenstore-paths, permissions).
 */
#ifndef XENQMP_LIBXL_HELPER_STORE_H
#define XENQMP_LIBXL_HELPER_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

/* Paths are made by printf; longer ones don't occur. */
#define STORE_PATH_MAX 512

/* The value, to be freed; NULL if there is none or it isn't dom0's. */
char *store_read(struct xs_handle *xs, xs_transaction_t t,
                 const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Writes value; a node that is new gets its directory's permissions. */
bool store_write(struct xs_handle *xs, xs_transaction_t t, const char *value,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* As libxl makes what the frontend may read: dom0's, readable by domid. */
bool store_write_readable(struct xs_handle *xs, xs_transaction_t t,
                          uint32_t domid, const char *value,
                          const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* A directory that owner has, and reader may read. */
bool store_mkdir(struct xs_handle *xs, xs_transaction_t t, uint32_t owner,
                 uint32_t reader, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Names in a directory, to be freed as one; NULL if there is none. */
char **store_list(struct xs_handle *xs, xs_transaction_t t,
                  unsigned int *n_r, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

bool store_rm(struct xs_handle *xs, xs_transaction_t t, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The guest of stubdomain domid; domid itself if that is no stubdomain. */
uint32_t store_guest_of(struct xs_handle *xs, uint32_t domid);
/* False also if xenstored does not say. */
bool store_domain_is_gone(struct xs_handle *xs, uint32_t domid);

/* Calls fn within a transaction, again if another writer came between.
 * -1: errno; nothing was written. */
typedef int store_fn(struct xs_handle *xs, xs_transaction_t t, void *data);
int store_transaction(struct xs_handle *xs, store_fn *fn, void *data);

#endif
