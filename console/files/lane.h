/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work on regular files, in line by file system.
 *
 * Nothing that goes by a path, nor write() and the like on a regular file,
 * can be asked not to wait: a disk that hangs holds whoever calls, for a
 * stat() as well. So nobody in the loop calls them. They are jobs; those for
 * one file system stand in one line and are done one after the other, so
 * that what was submitted first is also done first. lanes_run(), at the very
 * top of the daemon's loop, where nothing is half done, does them; crew.h
 * sees to it that one that hangs takes only its own line with it.
 *
 * The kernel's own file systems in RAM are no disks: the loop itself opens
 * what is below /dev, and records below /run (record.h).
 */
#ifndef XENQMP_CONSOLE_FILES_LANE_H
#define XENQMP_CONSOLE_FILES_LANE_H

#include "crew.h"

#include <stdbool.h>
#include <sys/queue.h>

/* Embedded in its owner, who keeps it until done() was called. */
struct job {
    /* the caller sets */
    void (*run)(struct job *job);   /* may wait; the job's memory only */
    void (*done)(struct job *job);  /* in the loop; may free the job */
    /* private */
    struct lane *lane;
    TAILQ_ENTRY(job) entry;
    struct crew_work work;
};
TAILQ_HEAD(job_queue, job);

struct lane;
struct line;
TAILQ_HEAD(line_queue, line);

struct lanes {
    /* private */
    struct line_queue all, waiting;
    struct crew *crew;          /* NULL: jobs are simply done (tests) */
};

void lanes_init(struct lanes *lanes, struct crew *crew);
/* Does what can be done now. To be called in the loop, with nothing on the
 * stack that must go on: the caller returns to the loop at once if it is
 * false, the loop is another thread's then. */
bool lanes_run(struct lanes *lanes);
/* Does all that is left, but in lanes that hang. */
void lanes_finish(struct lanes *lanes);
bool lanes_is_pending(const struct lanes *lanes);

/* A place in the line of the file system on which the file is, or would be
 * made. It is called for each user of a path, and does not look at the path
 * itself. NULL: no memory. */
struct lane *lane_open(struct lanes *lanes, const char *path);
/* Jobs that were submitted are done all the same. NULL is legal. */
void lane_close(struct lane *lane);
void lane_submit(struct lane *lane, struct job *job);

#endif
