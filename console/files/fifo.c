/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fifo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Two rings' worth: a reader that keeps up never makes the queue grow. */
#define FIFO_START 4096

void fifo_init(struct fifo *fifo, size_t max)
{
    *fifo = (struct fifo){ .max = max };
}

void fifo_dispose(struct fifo *fifo)
{
    free(fifo->base);
    fifo_init(fifo, fifo->max);
}

static void fifo_grow(struct fifo *fifo, size_t wanted)
{
    size_t size = fifo->size ? fifo->size : FIFO_START;
    size_t first = fifo->size - fifo->head;
    char *base;

    while (size < wanted)
        size *= 2;
    if (size > fifo->max)
        size = fifo->max;
    if (size == fifo->size)
        return;
    base = malloc(size);
    if (!base)
        return;
    if (first > fifo->len)
        first = fifo->len;
    if (fifo->len) {
        memcpy(base, fifo->base + fifo->head, first);
        memcpy(base + first, fifo->base, fifo->len - first);
    }
    free(fifo->base);
    fifo->base = base;
    fifo->size = size;
    fifo->head = 0;
}

size_t fifo_put(struct fifo *fifo, const char *bytes, size_t n)
{
    size_t start, first;

    if (n > fifo->max - fifo->len)
        n = fifo->max - fifo->len;
    if (fifo->len + n > fifo->size)
        fifo_grow(fifo, fifo->len + n);
    if (n > fifo->size - fifo->len)
        n = fifo->size - fifo->len;
    if (!n)
        return 0;
    start = fifo->head + fifo->len;
    if (start >= fifo->size)
        start -= fifo->size;
    first = fifo->size - start < n ? fifo->size - start : n;
    memcpy(fifo->base + start, bytes, first);
    memcpy(fifo->base, bytes + first, n - first);
    fifo->len += n;
    return n;
}

const char *fifo_front(const struct fifo *fifo, size_t *n_r)
{
    size_t first = fifo->size - fifo->head;

    *n_r = fifo->len < first ? fifo->len : first;
    return fifo->len ? fifo->base + fifo->head : NULL;
}

void fifo_consume(struct fifo *fifo, size_t n)
{
    assert(n <= fifo->len);
    fifo->len -= n;
    fifo->head += n;
    if (fifo->head >= fifo->size)
        fifo->head -= fifo->size;
    /* Most consoles of a host are idle: they hold nothing. */
    if (!fifo->len)
        fifo_dispose(fifo);
}
