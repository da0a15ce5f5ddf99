/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A regular file that is read behind its lane, in pieces, one ahead.
 */
#ifndef XENQMP_CONSOLE_FILES_READFILE_H
#define XENQMP_CONSOLE_FILES_READFILE_H

#include "lane.h"

#include <stdint.h>

/* Sixteen rings a job: a restore is not held up by the way through the
 * loop, and no more memory is held than a ring's pages take. */
#define READFILE_CHUNK 16384

/* In the loop: there are more bytes, or it is at its end. */
typedef void readfile_fn(void *data);

struct readfile {
    struct job job;
    /* readable, while not busy */
    bool busy;
    bool ended;                 /* nothing will come after what is here */
    int error;                  /* why; 0: the end of the file */
    /* private */
    struct lane *lane;
    readfile_fn *fn;            /* NULL: to be closed and freed */
    void *data;
    char *path;
    int fd;
    uint64_t offset;            /* of the next piece */
    size_t taken, n;
    char bytes[READFILE_CHUNK];
};

/* Begins to open it and to read from offset on. Links are not followed, and
 * it must be a regular file (EINVAL). NULL: no memory. */
struct readfile *readfile_open(struct lanes *lanes, const char *path,
                               uint64_t offset, readfile_fn *fn, void *data);
/* How many bytes there are now, at most n; 0: later, or ended. */
size_t readfile_take(struct readfile *file, char *bytes, size_t n);
/* fn is not called any more. NULL is legal. */
void readfile_close(struct readfile *file);

#endif
