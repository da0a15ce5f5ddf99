/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file: with policy log: a console's text in a capped log file.
 *
 * While the disk keeps up, bytes stay in the ring until the file has them,
 * so that a daemon that is killed neither loses nor repeats any. A disk
 * that takes longer than FILE_SLOW_MS must not stop the guest: bytes are
 * then taken out of the ring and queued, and the oldest of them dropped.
 * A file that can't be opened or written loses text, counted; it never
 * stops the guest.
 *
 * Where a killed daemon was is where the page's counter says, and further if
 * the file has bytes behind that which the ring has as well: those that were
 * in flight. By its length alone the file does not tell: others may have
 * truncated it, or appended. It does where the guest has made nonsense of
 * the counter.
 */
#include "console/files/logger.h"
#include "kind.h"

#include <stdlib.h>
#include <string.h>

/* A guest that prints notices no less; a disk that works never needs as
 * long. */
#ifndef FILE_SLOW_MS
#define FILE_SLOW_MS 500
#endif

/*
 *               in the ring   in the logger's hands
 * FILE_EXACT    all           a copy of the ring's first in_flight bytes
 * FILE_OVER     all           nothing; the first in_flight bytes of the
 *                             ring are done with, put() takes them out
 * FILE_LOSSY    nothing       held bytes that were started in FILE_EXACT,
 *                             and the queue. Leaves to FILE_EXACT when
 *                             both are empty
 */
enum file_state { FILE_EXACT, FILE_OVER, FILE_LOSSY };

/* Whether the record of an earlier daemon has been compared with the file.
 * LOST: the disk is slow, or the ring gone. */
enum file_search { SEARCH_NOT, SEARCH_ASKED, SEARCH_OVER, SEARCH_LOST };

struct out_file {
    struct output output;
    struct logger *logger;
    char path[SETTINGS_PATH_MAX];
    enum file_state state;
    enum file_search search;
    uint32_t index;             /* of the page, when it was asked */
    bool ends;                  /* the ring goes: all is taken */
    size_t in_flight;           /* of the ring */
    size_t held;                /* no longer in the ring, not queued */
    size_t written;             /* of those in flight, in FILE_OVER */
    uint32_t position;          /* in the ring, of what put() gets next */
    struct loop_timer slow;     /* set while bytes are in flight */
};

static struct out_file *file_of(struct output *output)
{
    return (struct out_file *)output;
}

static void file_close(struct output *output)
{
    struct out_file *file = file_of(output);

    loop_timer_clear(output->host->loop, &file->slow);
    logger_close(file->logger);
    free(file);
}

/* The bytes in flight are taken out of the ring: n of them are there. */
static size_t flight_end(struct out_file *file, size_t n)
{
    size_t taken = file->in_flight < n ? file->in_flight : n;

    file->in_flight = 0;
    file->position += (uint32_t)taken;
    return taken;
}

static size_t put_over(struct out_file *file, size_t n)
{
    struct counters *counters = file->output.host->counters;
    size_t taken = flight_end(file, n);
    size_t written = file->written < taken ? file->written : taken;

    file->state = file->ends ? FILE_LOSSY : FILE_EXACT;
    counters->delivered += written;
    counters->dropped += taken - written;
    return taken;
}

static size_t put_lossy(struct out_file *file, const char *bytes, size_t n)
{
    size_t taken = flight_end(file, n);

    file->held += taken;
    file->position += (uint32_t)(n - taken);
    file->output.host->counters->dropped +=
        logger_queue(file->logger, bytes + taken, n - taken);
    return n;
}

static void search_end(struct out_file *file, enum file_search search)
{
    if (file->search != SEARCH_ASKED)
        return;
    file->search = search;
    file->output.host->located(file->output.host->data);
}

static void file_slow(void *data)
{
    struct out_file *file = data;

    file->state = FILE_LOSSY;
    file->output.host->wake(file->output.host->data);
    search_end(file, SEARCH_LOST);      /* must be last */
}

static void slow_watch(struct out_file *file)
{
    if (!loop_timer_is_set(&file->slow))
        loop_timer_set(file->output.host->loop, &file->slow, FILE_SLOW_MS,
                       file_slow, file);
}

static size_t file_put(struct output *output, const char *bytes, size_t n)
{
    struct out_file *file = file_of(output);
    struct record record = output->host->ring;

    if (file->state == FILE_OVER)
        return put_over(file, n);
    if (file->state == FILE_LOSSY)
        return put_lossy(file, bytes, n);
    if (!logger_is_busy(file->logger)) {
        record.base = file->position;
        logger_start(file->logger, bytes, n, &record);
        file->in_flight = logger_is_busy(file->logger) ? n : 0;
    }
    slow_watch(file);
    return 0;
}

/* Bytes that were started, n of them written, of which some were taken out
 * of the ring meanwhile. */
static void started_end(struct out_file *file, size_t n)
{
    struct counters *counters = file->output.host->counters;
    size_t held = file->held;

    if (file->in_flight) {
        file->written = n;
        file->state = FILE_OVER;
        return;
    }
    n = n < held ? n : held;
    counters->delivered += n;
    counters->dropped += held - n;
    file->held = 0;
}

/* The logger's. */
static void file_event(void *data, enum logger_event event, size_t written,
                       size_t lost)
{
    struct out_file *file = data;
    struct output_host *host = file->output.host;

    if (event != LOGGER_QUEUED &&
        (event == LOGGER_FOUND || file->search != SEARCH_ASKED))
        loop_timer_clear(host->loop, &file->slow);
    if (event == LOGGER_STARTED) {
        started_end(file, written);
    } else {
        host->counters->delivered += written;
        host->counters->dropped += lost;
    }
    if (file->state == FILE_LOSSY && !file->ends &&
        !logger_queued(file->logger))
        file->state = FILE_EXACT;
    host->wake(host->data);
    if (event == LOGGER_FOUND)
        search_end(file, SEARCH_OVER);  /* must be last */
}

static bool file_busy(const struct output *output)
{
    const struct out_file *file = (const struct out_file *)output;

    return file->state == FILE_EXACT && logger_is_busy(file->logger);
}

/* By what was found. False: only the page tells. */
static bool position_find(const struct out_file *file,
                          const struct xencons_interface *page, uint32_t *r)
{
    const struct logger_found *found = logger_found(file->logger);

    if (!found || !found->same)
        return false;
    *r = found->end;
    if (ring_page_fits(page, file->index))
        *r = file->index + (uint32_t)ring_page_match(page, file->index,
                                                     found->bytes, found->n);
    return true;
}

static enum output_answer file_position(struct output *output,
                                        const struct xencons_interface *page,
                                        uint32_t *position_r)
{
    struct out_file *file = file_of(output);
    struct record record = output->host->ring;

    switch (file->search) {
    case SEARCH_NOT:
        if (!record_read(&record))
            return OUTPUT_ANSWER_ERROR;
        file->index = ring_page_out_cons(page);
        file->search = SEARCH_ASKED;
        logger_adopt(file->logger, &record, file->index);
        slow_watch(file);
        return OUTPUT_ANSWER_LATER;
    case SEARCH_ASKED:
        return OUTPUT_ANSWER_LATER;
    case SEARCH_OVER:
        return position_find(file, page, position_r) ? OUTPUT_ANSWER_OK :
               OUTPUT_ANSWER_ERROR;
    case SEARCH_LOST:
        break;
    }
    return OUTPUT_ANSWER_ERROR;
}

static bool file_has_written(const struct output *output)
{
    return ((const struct out_file *)output)->state == FILE_OVER;
}

static void file_ring_up(struct output *output, const struct ring *ring)
{
    file_of(output)->position = ring->out_cons;
}

/* What is in the ring is all taken from here on. */
static void file_ring_ends(struct output *output)
{
    struct out_file *file = file_of(output);

    file->ends = true;
    if (file->state == FILE_EXACT)
        file->state = FILE_LOSSY;
}

static void file_ring_lost(struct output *output)
{
    struct out_file *file = file_of(output);

    file->in_flight = 0;
    file->ends = false;
    file->search = SEARCH_LOST;
    if (file->state == FILE_OVER ||
        (!file->held && !logger_queued(file->logger)))
        file->state = FILE_EXACT;
}

static size_t file_buffered(const struct output *output)
{
    const struct out_file *file = (const struct out_file *)output;

    return file->held + logger_queued(file->logger);
}

static void file_reopen(struct output *output)
{
    logger_reopen(file_of(output)->logger);
}

static const struct output_ops file_ops = {
    .close = file_close,
    .put = file_put,
    .busy = file_busy,
    .written = file_has_written,
    .position = file_position,
    .ring_up = file_ring_up,
    .ring_ends = file_ring_ends,
    .ring_lost = file_ring_lost,
    .buffered = file_buffered,
    .reopen = file_reopen,
};

struct output *out_file_open(const struct settings *settings,
                             struct output_host *host)
{
    struct out_file *file = calloc(1, sizeof(*file));

    if (!file)
        return NULL;
    file->output.ops = &file_ops;
    file->output.host = host;
    strcpy(file->path, settings->path);
    file->logger = logger_open(host->lanes, settings->path, false, false,
                               file_event, file);
    if (file->logger)
        return &file->output;
    free(file);
    return NULL;
}
