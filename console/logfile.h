/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log file that guests fill: appended to, capped, rotated once.
 *
 * At LOGFILE_MAX the file is renamed to PATH.1, in place of an older one,
 * and a new one begun: a guest can fill twice LOGFILE_MAX of dom0's disk
 * and no more, and the newest is kept. Lossy: bytes that the disk did not
 * take are counted by the caller and not tried again.
 *
 * Names of log files may come from a guest's name, and the folder is
 * root's: links are not followed.
 */
#ifndef XENQMP_LOGFILE_H
#define XENQMP_LOGFILE_H

#include <stdbool.h>
#include <sys/types.h>

/* Enough for a long boot with a verbose kernel several times over. */
#define LOGFILE_MAX (4 << 20)

struct logfile {
    /* the caller sets, after init */
    off_t max;                  /* LOGFILE_MAX */
    bool timestamps;            /* "[Y-m-d H:M:S] " before each line */
    bool replace_escape;        /* '.' in place of ESC */
    /* private */
    char *path;
    int fd;                     /* -1: not open */
    off_t size;
    bool regular;               /* else never rotated: /dev/null */
    bool line_start;
    bool failed;                /* the failure has been logged */
};

void logfile_init(struct logfile *log);
void logfile_dispose(struct logfile *log);
/* (Re)opens; -1: errno, and a line has been logged. */
int logfile_open(struct logfile *log, const char *path);
/* The same path again, for SIGHUP. */
void logfile_reopen(struct logfile *log);
bool logfile_is_open(const struct logfile *log);

/* How many of the n bytes reached the file, time stamps not counted. */
size_t logfile_write(struct logfile *log, const char *bytes, size_t n);

#endif
