/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QEMU's extension of JSON in what clients send: 'single-quoted' strings,
 * and \' in strings of both kinds (docs/interop/qmp-spec, "Protocol
 * Specification").
 */
#ifndef XENQMP_LIBXL_QMP_QUOTES_H
#define XENQMP_LIBXL_QMP_QUOTES_H

#include "buf.h"

/* True if the n bytes at text make use of it. */
bool qmp_quotes_found(const char *text, size_t n);
/* Appends them in plain JSON; at most twice as many. -1: no memory or
 * room. */
int qmp_quotes_rewrite(const char *text, size_t n, struct qmp_buf *buf);

#endif
