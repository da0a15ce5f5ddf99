/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file: with policy save: QEMU's state on its way to a file of libxl's.
 *
 * A gate: bytes count only between save-begin, which makes the file anew,
 * and sync. Inside, bytes stay in the ring until the file has them, and
 * record.h says where the stream stands should the daemon be killed;
 * outside, they are dropped and counted. An error keeps the gate open but
 * drops what follows, so that the guest goes on, and sync reports it.
 */
#include "fault.h"
#include "log.h"
#include "outputs.h"
#include "savefile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* QEMU's state without the guest's memory is a few hundred kB; video
 * memory in it can reach tens of MB. More is an attack on the disk. */
#define SAVE_MAX (256ULL << 20)

/*
 * SAVE_SHUT      bytes are dropped.
 * SAVE_OPENING   save-begin was asked; the file is being opened. Bytes are
 *                dropped.
 * SAVE_ADOPTING  the stream was an earlier daemon's; its file is being
 *                opened, or is open. The ring is not adopted yet.
 * SAVE_OPEN      bytes go to the file. With syncing set only the first
 *                `left` of them; then the stream is done.
 * SAVE_DONE      the file is complete, and sync may be asked again. Bytes
 *                are dropped.
 * SAVE_FAILED    bytes are dropped; sync says why.
 *
 * A file is there in OPENING, ADOPTING and OPEN.
 */
enum save_state { SAVE_SHUT, SAVE_OPENING, SAVE_ADOPTING, SAVE_OPEN,
                  SAVE_DONE, SAVE_FAILED };

struct out_save {
    struct output output;
    char path[SETTINGS_PATH_MAX];
    enum save_state state;
    struct savefile *file;
    uint64_t bytes;             /* in the file */
    const char *why;            /* in SAVE_FAILED */
    size_t in_flight;           /* of the ring: being written, or written */
    bool syncing;
    size_t left;
    uint32_t position;          /* in the ring, of what put() gets next */
};

static struct out_save *save_of(struct output *output)
{
    return (struct out_save *)output;
}

/* To a state without a file, and tells who waits for it. */
static void save_end(struct out_save *save, enum save_state state)
{
    struct output_host *host = save->output.host;

    savefile_close(save->file);
    save->file = NULL;
    save->in_flight = 0;
    save->syncing = false;
    save->state = state;
    if (host->answer)
        host->answer(host->data);
}

static void record_drop(const struct out_save *save)
{
    const struct record *ring = &save->output.host->ring;

    record_remove(ring->domid, ring->n);
}

static void save_fail(struct out_save *save, const char *why)
{
    log_guest(save->output.host->ring.domid, LOG_LEVEL_ERROR,
              "%s: the state of the device model is not saved: writing "
              "%s: %s", save->output.host->label, save->path, why);
    record_drop(save);
    save->why = why;
    save_end(save, SAVE_FAILED);
}

/* length: RECORD_OPEN, or what the complete file has. */
static void record_set(struct out_save *save, uint64_t length)
{
    struct record record = save->output.host->ring;

    record.dev = save->file->dev;
    record.ino = save->file->ino;
    record.base = save->position - (uint32_t)save->bytes;
    record.length = length;
    if (record_write(&record))
        log_guest(record.domid, LOG_LEVEL_WARN, "%s: cannot write a record "
                  "to " RECORD_FOLDER ": %s; the save fails should "
                  "xenconsoled be killed", save->output.host->label,
                  strerror(errno));
}

static void save_done(struct out_save *save)
{
    FAULT("sync-complete");
    record_set(save, save->bytes);
    FAULT("sync-recorded");
    save_end(save, SAVE_DONE);
}

/* The file of an earlier daemon's stream: its length says how far it is. */
static void save_adopt(struct out_save *save, int error)
{
    struct record record = save->output.host->ring;

    if (error && error != ENOENT) {
        save_fail(save, strerrordesc_np(error));
    } else if (error || !record_read(&record) ||
               record.dev != save->file->dev ||
               record.ino != save->file->ino) {
        save_fail(save, "it was replaced while xenconsoled did not run");
    } else {
        save->bytes = save->file->size;
        save->position = record.base + (uint32_t)save->bytes;
    }
}

static void save_opened(struct out_save *save, int error)
{
    struct output_host *host = save->output.host;

    if (error == EINVAL) {
        save_fail(save, "not a regular file");
    } else if (error) {
        save_fail(save, strerrordesc_np(error));
    } else {
        /* What an earlier save left in the ring is none of this one's. */
        host->drain(host->data);
        if (save->state != SAVE_OPENING)
            return;             /* its ring was lost by that */
        FAULT("begin-drained");
        record_set(save, RECORD_OPEN);
        save->state = SAVE_OPEN;
    }
    if (host->answer)
        host->answer(host->data);
}

/* The file's: a job is over. What was written stays in flight until put()
 * takes it out of the ring. */
static void save_event(void *data, int error)
{
    struct out_save *save = data;
    struct output_host *host = save->output.host;

    if (save->state == SAVE_ADOPTING) {
        save_adopt(save, error);
        host->located(host->data);      /* must be last */
        return;
    }
    if (save->state != SAVE_OPEN)
        save_opened(save, error);
    host->wake(host->data);
}

/* Of what is in flight, n bytes are in the ring. */
static size_t flight_end(struct out_save *save, size_t n)
{
    struct counters *counters = save->output.host->counters;
    size_t taken = save->in_flight, done = save->file->done;

    if (taken > n) {
        /* It took back what it had written. */
        taken = n;
        done = done < n ? done : n;
        save->file->error = EPROTO;
    }
    save->in_flight = 0;
    save->bytes += done;
    save->position += (uint32_t)taken;
    counters->delivered += done;
    counters->dropped += taken - done;
    if (save->file->error) {
        save_fail(save, strerrordesc_np(save->file->error));
        return taken;
    }
    if (save->syncing) {
        save->left -= taken;
        if (!save->left)
            save_done(save);
    }
    return taken;
}

static size_t save_put(struct output *output, const char *bytes, size_t n)
{
    struct out_save *save = save_of(output);

    if (save->file && save->state != SAVE_OPENING) {
        if (save->file->busy)
            return 0;
        if (save->in_flight)
            return flight_end(save, n);
        if (save->syncing && n > save->left)
            n = save->left;
        if (n <= SAVE_MAX - save->bytes) {
            savefile_append(save->file, bytes, n);
            save->in_flight = n;
            return 0;
        }
        save_fail(save, "the stream is longer than 256 MiB");
    }
    output->host->counters->dropped += n;
    save->position += (uint32_t)n;
    return n;
}

static bool save_busy(const struct output *output)
{
    const struct out_save *save = (const struct out_save *)output;

    return save->file && save->file->busy && save->state != SAVE_OPENING;
}

static enum output_answer save_position(struct output *output,
                                        const struct xencons_interface *page,
                                        uint32_t *position_r)
{
    struct out_save *save = save_of(output);
    struct record record = output->host->ring;

    (void)page;
    if (save->state == SAVE_ADOPTING) {
        *position_r = save->position;
        return save->file->busy ? OUTPUT_ANSWER_LATER : OUTPUT_ANSWER_OK;
    }
    if (save->state != SAVE_SHUT || !record_read(&record))
        return OUTPUT_ANSWER_ERROR;
    if (record.length != RECORD_OPEN) {
        save->bytes = record.length;
        save->state = SAVE_DONE;
        return OUTPUT_ANSWER_ERROR;
    }
    save->file = savefile_open(output->host->lanes, save->path, false,
                               save_event, save);
    if (!save->file) {
        save_fail(save, strerrordesc_np(ENOMEM));
        return OUTPUT_ANSWER_ERROR;
    }
    save->state = SAVE_ADOPTING;
    return OUTPUT_ANSWER_LATER;
}

static void save_ring_up(struct output *output, const struct ring *ring)
{
    struct out_save *save = save_of(output);
    struct output_host *host = output->host;

    save->position = ring->out_cons;
    if (save->state != SAVE_ADOPTING)
        return;
    save->state = SAVE_OPEN;
    if (host->answer)
        host->answer(host->data);
}

/* The rest of the stream is in a ring that no longer exists. */
static void save_ring_lost(struct output *output)
{
    struct out_save *save = save_of(output);

    if (save->state == SAVE_OPENING || save->state == SAVE_ADOPTING ||
        save->state == SAVE_OPEN)
        save_fail(save, "the console was disconnected");
    record_drop(save);
}

static void save_close(struct output *output)
{
    savefile_close(save_of(output)->file);
    free(output);
}

static const struct output_ops save_ops = {
    .close = save_close,
    .put = save_put,
    .busy = save_busy,
    .position = save_position,
    .ring_up = save_ring_up,
    .ring_lost = save_ring_lost,
};

enum output_answer out_save_begin(struct output *output, bool again,
                                  const char **why_r)
{
    struct out_save *save = save_of(output);
    struct output_host *host = output->host;

    if (!again && save->state != SAVE_OPENING) {
        bool adopting = save->state == SAVE_ADOPTING;

        record_drop(save);
        savefile_close(save->file);
        save->in_flight = save->bytes = 0;
        save->syncing = false;
        save->state = SAVE_OPENING;
        save->file = savefile_open(host->lanes, save->path, true,
                                   save_event, save);
        if (!save->file)
            save_fail(save, strerrordesc_np(ENOMEM));
        if (adopting)
            host->located(host->data);
    }
    *why_r = save->why;
    return save->state == SAVE_FAILED ? OUTPUT_ANSWER_ERROR :
           save->state == SAVE_OPENING ? OUTPUT_ANSWER_LATER :
           OUTPUT_ANSWER_OK;
}

enum output_answer out_save_sync(struct output *output, size_t pending,
                                 uint64_t *bytes_r, const char **why_r)
{
    struct out_save *save = save_of(output);

    if (save->state == SAVE_OPEN && !save->syncing) {
        save->syncing = true;
        save->left = pending;
        if (!pending)
            save_done(save);
    }
    switch (save->state) {
    case SAVE_SHUT:
        *why_r = "no save has begun";
        return OUTPUT_ANSWER_ERROR;
    case SAVE_FAILED:
        *why_r = save->why;
        return OUTPUT_ANSWER_ERROR;
    case SAVE_DONE:
        *bytes_r = save->bytes;
        return OUTPUT_ANSWER_OK;
    default:
        return OUTPUT_ANSWER_LATER;
    }
}

struct output *out_save_open(const struct settings *settings,
                             struct output_host *host)
{
    struct out_save *save = calloc(1, sizeof(*save));

    if (!save)
        return NULL;
    save->output.ops = &save_ops;
    save->output.host = host;
    strcpy(save->path, settings->path);
    return &save->output;
}
