/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the worker itself says to a client, in QEMU's words and form: one
 * line each, ended by CRLF. id: n bytes of JSON, echoed as they are; n is
 * 0 for none. -1: no room or no memory, nothing appended.
 */
#ifndef XENQMP_LIBXL_WORKER_REPLY_H
#define XENQMP_LIBXL_WORKER_REPLY_H

#include "libxl/qmp/buf.h"

#define QMP_GENERIC_ERROR     "GenericError"
#define QMP_COMMAND_NOT_FOUND "CommandNotFound"

/* json: the return value. */
int reply_return(struct qmp_buf *buf, const char *json, const char *id,
                 size_t n);
int reply_error(struct qmp_buf *buf, const char *class, const char *desc,
                const char *id, size_t n);
/* Tells a client how many events it has lost. */
int reply_events_lost(struct qmp_buf *buf, unsigned int count);

#endif
