/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The greeting that clients get: QEMU's own, but of its capabilities only
 * "oob", for it is us whom they negotiate with. One line, CRLF included.
 */
#ifndef XENQMP_LIBXL_WORKER_GREETING_H
#define XENQMP_LIBXL_WORKER_GREETING_H

#include "libxl/qmp/message.h"

void greeting_init(struct qmp_buf *greeting);

/* From a QMP_GREETING, otherwise byte for byte; *oob_r: it offers "oob".
 * -1, and nothing changed, if it is none that a client could use; -1 and
 * empty without memory. */
int greeting_keep(struct qmp_buf *greeting,
                  const struct qmp_message *message, bool *oob_r);
/* From the reply to query-version; empty if that has no use. */
void greeting_from_version(struct qmp_buf *greeting,
                           const struct qmp_message *message);
/* For a client that can't be kept waiting: that of a QEMU of version 0. */
extern const char greeting_none[];

#endif
