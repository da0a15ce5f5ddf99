/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "logger.h"

#include "tools/common/fault.h"
#include "fifo.h"
#include "tools/common/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct logger {
    struct job job;
    struct lane *lane;
    logger_fn *fn;
    void *data;
    bool busy;                  /* what is marked * is the job's then */
    bool closing, reopen, find; /* to be done by the next job */
    struct fifo queue;
    /* the job's orders */
    bool job_reopens, job_queued, job_records;
    bool job_finds;
    uint32_t position;
    struct logger_found *found; /* * */
    size_t n;
    struct record record;       /* base: of the first byte */
    char *bytes;
    /* its results */
    struct logfile file;        /* * */
    struct record recorded;     /* * what /run has; domid 0: nothing */
    size_t written;
};

/* Writes down where the file stands, if that isn't known already. */
static void place_record(struct logger *l)
{
    struct record *r = &l->record;

    if (!l->job_records) {
        if (l->recorded.domid)
            record_remove(l->recorded.domid, l->recorded.n);
        l->recorded.domid = 0;
        return;
    }
    if (!logfile_place(&l->file, &r->dev, &r->ino, &r->base) ||
        !memcmp(r, &l->recorded, sizeof(*r)))
        return;
    if (record_write(r))
        log_guest(r->domid, LOG_LEVEL_WARN, "cannot write a record to "
                  RECORD_FOLDER ": %s; some of %s may be written twice "
                  "should xenconsoled be killed", strerror(errno),
                  l->file.path);
    else
        l->recorded = *r;
}

/* Where the record's file ends, and what it has behind the position. */
static void find_run(struct logger *l)
{
    struct record place = { .base = 0 };
    struct logger_found *found = calloc(1, sizeof(*found));
    int32_t behind;

    l->found = found;
    if (!found || !logfile_look(&l->file) ||
        !logfile_place(&l->file, &place.dev, &place.ino, &place.base) ||
        place.dev != l->recorded.dev || place.ino != l->recorded.ino)
        return;
    found->same = true;
    found->end = l->recorded.base - place.base;
    behind = (int32_t)(found->end - l->position);
    if (behind > 0)
        found->n = logfile_read(&l->file, l->file.size - behind,
                                found->bytes, sizeof(found->bytes));
}

static void logger_run(struct job *job)
{
    struct logger *l = (struct logger *)job;

    if (l->job_reopens)
        logfile_reopen(&l->file);
    if (l->job_finds)
        find_run(l);
    l->written = 0;
    if (!l->n)
        return;
    if (logfile_prepare(&l->file)) {
        FAULT("log-prepared");
        place_record(l);
        FAULT("log-recorded");
        l->written = logfile_write(&l->file, l->bytes, l->n);
        FAULT("log-written");
    }
}

static void logger_free(struct logger *l)
{
    lane_close(l->lane);
    fifo_dispose(&l->queue);
    logfile_dispose(&l->file);
    free(l->found);
    free(l->bytes);
    free(l);
}

static void close_run(struct job *job)
{
    struct logger *l = (struct logger *)job;

    /* All that was taken from the ring is in the file: out_cons says so
     * from here on. */
    if (l->recorded.domid)
        record_remove(l->recorded.domid, l->recorded.n);
    logfile_dispose(&l->file);
}

static void close_done(struct job *job)
{
    logger_free((struct logger *)job);
}

static void logger_go(struct logger *l);

static void logger_done(struct job *job)
{
    struct logger *l = (struct logger *)job;
    size_t n = l->n;
    enum logger_event event = l->job_finds ? LOGGER_FOUND :
                              !n ? LOGGER_OPENED :
                              l->job_queued ? LOGGER_QUEUED : LOGGER_STARTED;

    l->busy = false;
    l->n = 0;
    free(l->bytes);
    l->bytes = NULL;
    if (l->fn)
        l->fn(l->data, event, l->written, n - l->written);
    logger_go(l);
}

/* Gives the next job, if there is something to do. */
static void logger_go(struct logger *l)
{
    const char *front;
    size_t n;

    if (l->busy)
        return;
    front = fifo_front(&l->queue, &n);
    if (!l->n && n && !l->find) {
        l->bytes = malloc(n);
        if (l->bytes) {
            memcpy(l->bytes, front, n);
            fifo_consume(&l->queue, n);
            l->n = n;
            l->job_queued = true;
            l->job_records = false;
        }
    }
    if (!l->n && !l->reopen && !l->closing && !l->find)
        return;
    l->job_finds = l->find;
    l->find = false;
    l->job_reopens = l->reopen;
    l->reopen = false;
    l->busy = true;
    l->job.run = logger_run;
    l->job.done = logger_done;
    if (!l->n && l->closing) {
        l->job.run = close_run;
        l->job.done = close_done;
    }
    lane_submit(l->lane, &l->job);
}

struct logger *logger_open(struct lanes *lanes, const char *path,
                           bool timestamps, bool replace_escape,
                           logger_fn *fn, void *data)
{
    struct logger *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    fifo_init(&l->queue, LOGGER_QUEUE_MAX);
    logfile_init(&l->file);
    l->file.timestamps = timestamps;
    l->file.replace_escape = replace_escape;
    l->fn = fn;
    l->data = data;
    l->lane = lane_open(lanes, path);
    if (!l->lane || logfile_name(&l->file, path)) {
        logger_free(l);
        return NULL;
    }
    logger_reopen(l);
    return l;
}

void logger_reopen(struct logger *l)
{
    l->reopen = true;
    logger_go(l);
}

void logger_close(struct logger *l)
{
    if (!l)
        return;
    l->fn = NULL;
    l->closing = true;
    logger_go(l);
}

void logger_adopt(struct logger *l, const struct record *record,
                  uint32_t position)
{
    l->recorded = *record;
    l->position = position;
    l->find = true;
    logger_go(l);
}

const struct logger_found *logger_found(const struct logger *l)
{
    return l->found;
}

bool logger_is_busy(const struct logger *l)
{
    return l->busy;
}

void logger_start(struct logger *l, const char *bytes, size_t n,
                  const struct record *record)
{
    /* Without memory they stay where they are: the next event tries. */
    l->bytes = malloc(n);
    if (!l->bytes)
        return;
    memcpy(l->bytes, bytes, n);
    l->n = n;
    l->job_queued = false;
    l->job_records = true;
    l->record = *record;
    l->record.length = RECORD_OPEN;
    logger_go(l);
}

size_t logger_queue(struct logger *l, const char *bytes, size_t n)
{
    size_t room = l->queue.max - l->queue.len;
    size_t dropped = n > room ? n - room : 0;

    fifo_consume(&l->queue, dropped);
    dropped += n - fifo_put(&l->queue, bytes, n);
    logger_go(l);
    return dropped;
}

size_t logger_queued(const struct logger *l)
{
    return l->queue.len + (l->busy && l->job_queued ? l->n : 0);
}
