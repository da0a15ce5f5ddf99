/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log file behind a lane: nobody waits for it.
 *
 * Bytes come in two ways. logger_start() hands over some and says when they
 * are in the file; the caller keeps them until then, in the ring. That is
 * exact, and leaves a record for the daemon after us. logger_queue() takes
 * bytes off the caller's hands: lossy, the oldest go when the queue is
 * full.
 */
#ifndef XENQMP_CONSOLE_FILES_LOGGER_H
#define XENQMP_CONSOLE_FILES_LOGGER_H

#include "lane.h"
#include "logfile.h"
#include "record.h"
#include "console/xen/ring.h"

/* Bytes that wait for a disk: what a talkative kernel prints in a second.
 * Held only while the disk is slow. */
#define LOGGER_QUEUE_MAX (64U << 10)

enum logger_event {
    LOGGER_OPENED,              /* or it failed; no bytes */
    LOGGER_FOUND,               /* for logger_adopt() */
    LOGGER_STARTED,             /* logger_start()'s bytes were written */
    LOGGER_QUEUED,              /* bytes of the queue were */
};

/* In the loop: a job is over. */
typedef void logger_fn(void *data, enum logger_event event, size_t written,
                       size_t lost);

/* What the file has behind a position in the ring. */
struct logger_found {
    bool same;                  /* it is the file of the record */
    uint32_t end;               /* where it ends, by its length */
    size_t n;                   /* bytes behind the position, if any */
    char bytes[RING_OUT_SIZE];
};

struct logger;

/* NULL: no memory. Opening is under way; failures are logged, and bytes
 * are lost until it works. fn may be NULL. */
struct logger *logger_open(struct lanes *lanes, const char *path,
                           bool timestamps, bool replace_escape,
                           logger_fn *fn, void *data);
/* For SIGHUP. */
void logger_reopen(struct logger *logger);
/* What is queued is still written; fn is not called any more. NULL is
 * legal. */
void logger_close(struct logger *logger);

/* A record that an earlier daemon left of this file, before any bytes: it
 * will go when the logger does. The file is looked at; LOGGER_FOUND says
 * when logger_found() has the answer, NULL if there was no memory. */
void logger_adopt(struct logger *logger, const struct record *record,
                  uint32_t position);
const struct logger_found *logger_found(const struct logger *logger);
bool logger_is_busy(const struct logger *logger);
/* Not while busy. n: at most a ring. record: the ring's fields, and base:
 * the first byte's position. */
void logger_start(struct logger *logger, const char *bytes, size_t n,
                  const struct record *record);
/* How many of the oldest bytes were dropped for it. */
size_t logger_queue(struct logger *logger, const char *bytes, size_t n);
/* Bytes that were queued and are not in the file yet. */
size_t logger_queued(const struct logger *logger);

#endif
