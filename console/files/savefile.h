/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of a save stream, behind its lane: opened, appended to piece by
 * piece, each piece once, looked at, and closed. One job at a time, and none
 * that others in the lane would wait for long.
 */
#ifndef XENQMP_CONSOLE_FILES_SAVEFILE_H
#define XENQMP_CONSOLE_FILES_SAVEFILE_H

#include "lane.h"
#include "console/xen/ring.h"

#include <stdint.h>

/* In the loop: the job is over; error 0, or an errno. */
typedef void savefile_fn(void *data, int error);

struct savefile {
    struct job job;
    /* readable, while not busy */
    bool busy;
    uint64_t dev, ino;
    uint64_t size;              /* bytes that it had, and that were appended */
    uint32_t crc;               /* of these: zlib's crc32() */
    size_t done;                /* bytes of the last piece in the file */
    /* private */
    struct lane *lane;
    savefile_fn *fn;            /* NULL: to be closed and freed */
    void *data;
    char *path;
    int fd;
    bool truncate;
    uint64_t read;              /* of what it had */
    int error;
    size_t n;
    char bytes[RING_OUT_SIZE];
};

/* Begins to open it, anew or as it is, and to read what it has. Links are
 * not followed, and it must be a regular file. NULL: no memory. */
struct savefile *savefile_open(struct lanes *lanes, const char *path,
                               bool truncate, savefile_fn *fn, void *data);
/* Begins to append n bytes, at most a ring. Not while busy. */
void savefile_append(struct savefile *file, const char *bytes, size_t n);
/* Begins to see whether the path names it, with all its bytes and no more;
 * ESTALE: not so. Not while busy. */
void savefile_look(struct savefile *file);
/* fn is not called any more. NULL is legal. */
void savefile_close(struct savefile *file);

#endif
