/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log file that guests fill: appended to, capped, rotated once.
 *
 * At LOGFILE_MAX the file is renamed to PATH.0, in place of an older one,
 * and a new one begun: a guest can fill twice LOGFILE_MAX of dom0's disk
 * and no more, and the newest is kept. PATH.1 and so on are others': libxl
 * and logrotate number so. Lossy: bytes that the disk did not take are
 * counted by the caller and not tried again.
 *
 * Others rename, truncate, copy, remove the file, and need not say so.
 * Before each write it is looked at: a file that is not at its path any more
 * is left as it is, and the path opened anew; the length is what the file
 * has, not what was written.
 *
 * Everything here can wait for the disk: logger.h is what the loop uses.
 *
 * Names of log files may come from a guest's name, and the folder is
 * root's: links are not followed.
 */
#ifndef XENQMP_CONSOLE_FILES_LOGFILE_H
#define XENQMP_CONSOLE_FILES_LOGFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Enough for a long boot with a verbose kernel several times over. */
#ifndef LOGFILE_MAX
#define LOGFILE_MAX (4 << 20)
#endif

/* Behind the name of the part before. */
#define LOGFILE_OLD ".0"

struct logfile {
    /* the caller sets, after init */
    off_t max;                  /* LOGFILE_MAX */
    bool timestamps;            /* "[Y-m-d H:M:S] " before each line */
    bool replace_escape;        /* '.' in place of ESC */
    /* private */
    char *path;
    int fd;                     /* -1: not open */
    off_t size;                 /* as last seen, and what was written */
    dev_t dev;
    ino_t ino;
    bool regular;               /* else never rotated: /dev/null */
    bool line_start;
    bool failed;                /* the failure has been logged */
};

void logfile_init(struct logfile *log);
void logfile_dispose(struct logfile *log);
/* -1: no memory. */
int logfile_name(struct logfile *log, const char *path);
/* Opens it, anew for SIGHUP; a failure is logged. */
void logfile_reopen(struct logfile *log);

/* Opens what is at the path now. False: it can't be written. */
bool logfile_look(struct logfile *log);
/* The same before bytes are written: rotates it if it is full. */
bool logfile_prepare(struct logfile *log);
/* Reads n bytes at most from there on; how many. */
size_t logfile_read(const struct logfile *log, off_t from, char *bytes,
                    size_t n);
/* Where the file stands, as a record has it: subtracts its length from
 * *position. False: it is no file whose length means anything. */
bool logfile_place(const struct logfile *log, uint64_t *dev_r,
                   uint64_t *ino_r, uint32_t *position);
/* After logfile_prepare(): how many of the n bytes reached the file, time
 * stamps not counted. */
size_t logfile_write(struct logfile *log, const char *bytes, size_t n);

#endif
