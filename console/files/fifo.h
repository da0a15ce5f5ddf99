/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bounded queue of bytes in a circular buffer: what a console's reader
 * has not taken yet. Memory grows with what is held and is given back when
 * the queue is empty.
 */
#ifndef XENQMP_CONSOLE_FILES_FIFO_H
#define XENQMP_CONSOLE_FILES_FIFO_H

#include <stddef.h>

struct fifo {
    /* readable */
    size_t max;                 /* most bytes ever held */
    size_t len;
    /* private */
    char *base;
    size_t size, head;
};

void fifo_init(struct fifo *fifo, size_t max);
/* Idempotent; the queue is empty afterwards and may be used again. */
void fifo_dispose(struct fifo *fifo);

/* Appends as many of the n bytes as there is room and memory for; how
 * many. */
size_t fifo_put(struct fifo *fifo, const char *bytes, size_t n);
/* The oldest bytes that lie in one piece; *n_r = how many; NULL and 0
 * if empty. */
const char *fifo_front(const struct fifo *fifo, size_t *n_r);
/* Forgets the n oldest bytes, n <= len. */
void fifo_consume(struct fifo *fifo, size_t n);

#endif
