/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One console's nodes in xenstore, as libxl makes them and xenconsoled
 * reads them (docs/console-control.md). All calls belong to a transaction.
 */
#ifndef XENQMP_LIBXL_HELPER_CONSOLE_H
#define XENQMP_LIBXL_HELPER_CONSOLE_H

#include "store.h"

#define CONSOLE_FRONTEND "/local/domain/%u/device/console/%d"
#define CONSOLE_BACKEND  "/local/domain/0/backend/console/%u/%d"

/* Which domain's consoles are edited, within which transaction. */
struct console_edit {
    struct xs_handle *xs;
    xs_transaction_t t;
    uint32_t domid;
};

bool console_exists(const struct console_edit *edit, int n);
/* A new one, as libxl__device_console_add() leaves it, with libxl's own
 * entry, by which libxl removes it again. */
bool console_create(const struct console_edit *edit, int n);
/* What a dom0-owned key of the frontend says, to be freed; or NULL. */
char *console_read(const struct console_edit *edit, int n, const char *key);
/* Gives it to xenconsoled. The keys go to the backend's directory, where
 * the guest has no say, and to the frontend's. policy may be NULL. */
bool console_give(const struct console_edit *edit, int n,
                  const char *output, const char *policy);

#endif
