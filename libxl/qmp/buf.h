/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bounded queue of bytes: appended at the end, consumed at the front.
 */
#ifndef XENQMP_LIBXL_QMP_BUF_H
#define XENQMP_LIBXL_QMP_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qmp_buf {
    /* the caller sets */
    size_t max;                 /* most bytes ever held */
    /* readable */
    const char *data;           /* len bytes, not terminated */
    size_t len;
    /* private */
    char *base;
    size_t size;
};

/* Holds nothing yet; at most max bytes later. */
void qmp_buf_init(struct qmp_buf *buf, size_t max);
/* Idempotent; legal in any state after init. */
void qmp_buf_dispose(struct qmp_buf *buf);

/* All or nothing. -1: ENOBUFS (over max) or ENOMEM. */
int qmp_buf_append(struct qmp_buf *buf, const void *bytes, size_t n);
int qmp_buf_printf(struct qmp_buf *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Forgets the first n bytes, n <= len. Frees the memory when it was the
 * last and the buffer had grown large. */
void qmp_buf_consume(struct qmp_buf *buf, size_t n);

/* Room for n more bytes behind the data, to be filled by the caller and
 * then made part of it by qmp_buf_commit(). NULL: as qmp_buf_append(). */
char *qmp_buf_reserve(struct qmp_buf *buf, size_t n);
void qmp_buf_commit(struct qmp_buf *buf, size_t n);

#endif
