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
 */
#include "logger.h"
#include "outputs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

struct out_file {
    struct output output;
    struct logger *logger;
    char path[SETTINGS_PATH_MAX];
    enum file_state state;
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

static void file_slow(void *data)
{
    struct out_file *file = data;

    file->state = FILE_LOSSY;
    file->output.host->wake(file->output.host->data);
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
    if (!loop_timer_is_set(&file->slow))
        loop_timer_set(output->host->loop, &file->slow, FILE_SLOW_MS,
                       file_slow, file);
    return 0;
}

/* The logger's: a write is over. */
static void file_written(void *data, bool queued, size_t written,
                         size_t lost)
{
    struct out_file *file = data;
    struct output_host *host = file->output.host;

    if (!queued)
        loop_timer_clear(host->loop, &file->slow);
    if (!queued && file->in_flight) {
        file->written = written;
        file->state = FILE_OVER;
    } else if (queued || file->held) {
        host->counters->delivered += written;
        host->counters->dropped += lost;
        file->held = 0;
    }
    if (file->state == FILE_LOSSY && !file->ends &&
        !logger_queued(file->logger))
        file->state = FILE_EXACT;
    host->wake(host->data);
}

static bool file_busy(const struct output *output)
{
    const struct out_file *file = (const struct out_file *)output;

    return file->state == FILE_EXACT && logger_is_busy(file->logger);
}

static bool file_position(struct output *output, uint32_t *position_r)
{
    struct record record = output->host->ring;
    struct stat st;

    if (!record_read(&record))
        return false;
    /* It goes when the file does, used or not. */
    logger_adopt(file_of(output)->logger, &record);
    if (stat(file_of(output)->path, &st) || st.st_dev != record.dev ||
        st.st_ino != record.ino)
        return false;
    *position_r = record.base + (uint32_t)st.st_size;
    return true;
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
                               file_written, file);
    if (file->logger)
        return &file->output;
    free(file);
    return NULL;
}
