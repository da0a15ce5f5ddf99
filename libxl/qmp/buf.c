/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QMP_BUF_START 512
/* An empty buffer of more than this is given back. */
#define QMP_BUF_KEEP  16384

void qmp_buf_init(struct qmp_buf *buf, size_t max)
{
    *buf = (struct qmp_buf){ .max = max };
}

void qmp_buf_dispose(struct qmp_buf *buf)
{
    free(buf->base);
    qmp_buf_init(buf, buf->max);
}

char *qmp_buf_reserve(struct qmp_buf *buf, size_t n)
{
    size_t front = buf->base ? (size_t)(buf->data - buf->base) : 0;
    size_t size = buf->size ? buf->size : QMP_BUF_START;
    char *base;

    if (n > buf->max - buf->len) {
        errno = ENOBUFS;
        return NULL;
    }
    if (!buf->base || front + buf->len + n > buf->size) {
        if (front)
            memmove(buf->base, buf->data, buf->len);
        while (size < buf->len + n)
            size *= 2;
        if (size != buf->size) {
            base = realloc(buf->base, size);
            if (!base) {
                buf->data = buf->base;
                return NULL;
            }
            buf->base = base;
            buf->size = size;
        }
        buf->data = buf->base;
    }
    return (char *)buf->data + buf->len;
}

void qmp_buf_commit(struct qmp_buf *buf, size_t n)
{
    buf->len += n;
    assert(buf->len <= buf->max);
}

int qmp_buf_append(struct qmp_buf *buf, const void *bytes, size_t n)
{
    char *end;

    if (!n)
        return 0;
    end = qmp_buf_reserve(buf, n);
    if (!end)
        return -1;
    memcpy(end, bytes, n);
    qmp_buf_commit(buf, n);
    return 0;
}

int qmp_buf_printf(struct qmp_buf *buf, const char *fmt, ...)
{
    char *text;
    va_list ap;
    int n, r;

    va_start(ap, fmt);
    n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return -1;
    r = qmp_buf_append(buf, text, (size_t)n);
    free(text);
    return r;
}

void qmp_buf_consume(struct qmp_buf *buf, size_t n)
{
    assert(n <= buf->len);
    if (!buf->base)
        return;
    buf->data += n;
    buf->len -= n;
    if (buf->len)
        return;
    if (buf->size > QMP_BUF_KEEP) {
        free(buf->base);
        buf->base = NULL;
        buf->size = 0;
    }
    buf->data = buf->base;
}
