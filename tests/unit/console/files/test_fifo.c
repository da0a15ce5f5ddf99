/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/files/fifo.h"

#include "tap.h"

/* Takes up to n bytes and compares them with a running pattern. */
static size_t take(struct fifo *fifo, size_t n, unsigned int *next)
{
    size_t done = 0, piece;

    while (done < n && fifo->len) {
        const char *bytes = fifo_front(fifo, &piece);

        if (piece > n - done)
            piece = n - done;
        for (size_t i = 0; i < piece; i++)
            check_int((unsigned char)bytes[i], (*next)++ % 251);
        fifo_consume(fifo, piece);
        done += piece;
    }
    return done;
}

TEST(keeps_order_whatever_the_sizes)
{
    unsigned int in = 0, out = 0, seed = 1;
    struct fifo fifo;

    fifo_init(&fifo, 10000);
    for (int round = 0; round < 5000; round++) {
        char bytes[3000];
        size_t n, want, before = fifo.len;

        seed = seed * 1103515245 + 12345;
        want = (seed >> 8) % sizeof(bytes);
        for (size_t i = 0; i < want; i++)
            bytes[i] = (char)((in + i) % 251);
        n = fifo_put(&fifo, bytes, want);
        check_int(n, want < 10000 - before ? want : 10000 - before);
        in += (unsigned int)n;
        seed = seed * 1103515245 + 12345;
        take(&fifo, (seed >> 8) % sizeof(bytes), &out);
        check_int(fifo.len, in - out);
    }
    take(&fifo, 10000, &out);
    check_int(in, out);
    fifo_dispose(&fifo);
}

TEST(full)
{
    struct fifo fifo;
    char bytes[100];

    memset(bytes, 'a', sizeof(bytes));
    fifo_init(&fifo, 64);
    check_int(fifo_put(&fifo, bytes, 100), 64);
    check_int(fifo_put(&fifo, bytes, 1), 0);
    fifo_consume(&fifo, 10);
    check_int(fifo_put(&fifo, bytes, 100), 10);
    fifo_dispose(&fifo);
    check_int(fifo.len, 0);
    check_int(fifo_put(&fifo, bytes, 1), 1);
    fifo_dispose(&fifo);
}

TAP_MAIN()
