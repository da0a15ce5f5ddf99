/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file: with policy save: QEMU's state on its way to a file of libxl's.
 *
 * A gate: bytes count only between save-begin, which makes the file anew,
 * and sync. Inside, bytes stay in the ring until the file has them, and
 * record.h says where the stream stands should the daemon be killed;
 * outside, they are dropped and counted. After an error they are dropped,
 * too, so that the guest goes on, and sync reports it.
 *
 * A save belongs to the connection that began it, and ends with it. After a
 * restart of the daemon there is no such connection any more: who knows the
 * save's name may ask for sync, in a while.
 */
#include "tools/common/fault.h"
#include "tools/common/log.h"
#include "kind.h"
#include "console/files/savefile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* QEMU's state without the guest's memory is a few hundred kB; video
 * memory in it can reach tens of MB. More is an attack on the disk. */
#define SAVE_MAX (256ULL << 20)
#define SAVE_TOO_LONG "the stream is longer than 256 MiB"

/* So long a client may take to be back after a restart of the daemon. */
#ifndef SAVE_CLAIM_MS
#define SAVE_CLAIM_MS 60000
#endif

/* A piece that is so long on its way to the disk, e.g. of a server that does
 * not answer, ends the save. Linux' hvc_xen waits for room in the ring with
 * the whole of its domain: a stubdomain, and the guest, stand meanwhile. */
#ifndef SAVE_STUCK_MS
#define SAVE_STUCK_MS 60000
#endif

/*
 * SAVE_SHUT      bytes are dropped.
 * SAVE_OPENING   save-begin was asked; the file is being opened. Bytes are
 *                dropped.
 * SAVE_ADOPTING  the stream was an earlier daemon's; its file is being
 *                opened, or is open. The ring is not adopted yet.
 * SAVE_OPEN      bytes go to the file. With syncing set only the first
 *                `left` of them; then it is looked at.
 * SAVE_LOOKING   the file has all; it is seen whether it still is the file.
 *                Bytes are dropped.
 * SAVE_DONE      the file is complete, and sync may be asked again. Bytes
 *                are dropped.
 * SAVE_FAILED    bytes are dropped; sync says why.
 *
 * A file is there from OPENING to LOOKING.
 */
enum save_state { SAVE_SHUT, SAVE_OPENING, SAVE_ADOPTING, SAVE_OPEN,
                  SAVE_LOOKING, SAVE_DONE, SAVE_FAILED };

struct out_save {
    struct output output;
    char path[SETTINGS_PATH_MAX];
    enum save_state state;
    char name[RECORD_NAME_MAX + 1];
    uint64_t owner;             /* the connection; 0: none */
    struct loop_timer claim;    /* set while OPEN without an owner */
    struct loop_timer stuck;    /* set while a piece is being written */
    struct savefile *file;
    uint64_t bytes;             /* in the file */
    uint32_t crc;               /* of the file, in SAVE_DONE */
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

static bool save_is_underway(const struct out_save *save)
{
    return save->state >= SAVE_OPENING && save->state <= SAVE_LOOKING;
}

/* Bytes are for the file. */
static bool save_takes(const struct out_save *save)
{
    return save->state == SAVE_ADOPTING || save->state == SAVE_OPEN;
}

/* To a state without a file, and tells who waits for it. */
static void save_end(struct out_save *save, enum save_state state)
{
    struct output_host *host = save->output.host;

    loop_timer_clear(host->loop, &save->claim);
    loop_timer_clear(host->loop, &save->stuck);
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

static void save_claim_late(void *data)
{
    save_fail(data, "its client has not come back");
}

static void save_is_stuck(void *data)
{
    struct out_save *save = data;
    struct output_host *host = save->output.host;

    save_fail(save, "the disk takes nothing");
    host->wake(host->data);
}

/* length: RECORD_OPEN, or what the complete file has. */
static void record_set(struct out_save *save, uint64_t length)
{
    struct record record = save->output.host->ring;

    record.dev = save->file->dev;
    record.ino = save->file->ino;
    record.base = save->position - (uint32_t)save->bytes;
    record.length = length;
    record.crc = length == RECORD_OPEN ? 0 : save->crc;
    strcpy(record.name, save->name);
    if (record_write(&record))
        log_guest(record.domid, LOG_LEVEL_WARN, "%s: cannot write a record "
                  "to " RECORD_FOLDER ": %s; the save fails should "
                  "xenconsoled be killed", save->output.host->label,
                  strerror(errno));
}

/* The file has all that was in the ring at sync. */
static void save_complete(struct out_save *save)
{
    save->state = SAVE_LOOKING;
    savefile_look(save->file);
}

static void save_looked(struct out_save *save, int error)
{
    if (error == ESTALE) {
        save_fail(save, "it was changed by somebody else");
        return;
    }
    if (error) {
        save_fail(save, strerrordesc_np(error));
        return;
    }
    save->crc = save->file->crc;
    FAULT("sync-complete");
    record_set(save, save->bytes);
    FAULT("sync-recorded");
    save_end(save, SAVE_DONE);
}

/* The file of an earlier daemon's stream: its length says how far it is. */
static void save_adopt(struct out_save *save, int error)
{
    struct record record = save->output.host->ring;

    if (error && error != ENOENT && error != ESTALE) {
        save_fail(save, strerrordesc_np(error));
    } else if (error || !record_read(&record) ||
               record.dev != save->file->dev ||
               record.ino != save->file->ino) {
        save_fail(save, "it was replaced while xenconsoled did not run");
    } else if (save->file->size > SAVE_MAX) {
        save_fail(save, SAVE_TOO_LONG);
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

    loop_timer_clear(host->loop, &save->stuck);
    if (save->state == SAVE_ADOPTING) {
        save_adopt(save, error);
        host->located(host->data);      /* must be last */
        return;
    }
    if (save->state == SAVE_OPENING)
        save_opened(save, error);
    else if (save->state == SAVE_LOOKING)
        save_looked(save, error);
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
            save_complete(save);
    }
    return taken;
}

static size_t save_put(struct output *output, const char *bytes, size_t n)
{
    struct out_save *save = save_of(output);

    if (save_takes(save)) {
        if (save->file->busy)
            return 0;
        if (save->in_flight)
            return flight_end(save, n);
        if (save->syncing && n > save->left)
            n = save->left;
        if (n <= SAVE_MAX - save->bytes) {
            savefile_append(save->file, bytes, n);
            save->in_flight = n;
            loop_timer_set(output->host->loop, &save->stuck, SAVE_STUCK_MS,
                           save_is_stuck, save);
            return 0;
        }
        save_fail(save, SAVE_TOO_LONG);
    }
    output->host->counters->dropped += n;
    save->position += (uint32_t)n;
    return n;
}

static bool save_busy(const struct output *output)
{
    const struct out_save *save = (const struct out_save *)output;

    return save_takes(save) && save->file->busy;
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
    strcpy(save->name, record.name);
    if (record.length != RECORD_OPEN) {
        save->bytes = record.length;
        save->crc = record.crc;
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
    if (!save->owner)
        loop_timer_set(host->loop, &save->claim, SAVE_CLAIM_MS,
                       save_claim_late, save);
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
    struct out_save *save = save_of(output);

    loop_timer_clear(output->host->loop, &save->claim);
    loop_timer_clear(output->host->loop, &save->stuck);
    savefile_close(save->file);
    free(save);
}

static const struct output_ops save_ops = {
    .close = save_close,
    .put = save_put,
    .busy = save_busy,
    .position = save_position,
    .ring_up = save_ring_up,
    .ring_lost = save_ring_lost,
};

static void save_own(struct out_save *save, uint64_t peer)
{
    save->owner = peer;
    loop_timer_clear(save->output.host->loop, &save->claim);
}

/* A file made anew, and nobody's bytes in it yet. */
static void save_start(struct out_save *save)
{
    struct output_host *host = save->output.host;
    bool adopting = save->state == SAVE_ADOPTING;

    record_drop(save);
    savefile_close(save->file);
    save->in_flight = save->bytes = 0;
    save->syncing = false;
    save->state = SAVE_OPENING;
    save->file = savefile_open(host->lanes, save->path, true, save_event,
                               save);
    if (!save->file)
        save_fail(save, strerrordesc_np(ENOMEM));
    if (adopting)
        host->located(host->data);
}

enum output_answer out_save_begin(struct output *output,
                                  const struct save_client *client,
                                  bool again, const char **why_r)
{
    struct out_save *save = save_of(output);
    bool owns = save->owner ? save->owner == client->peer :
                !strcmp(save->name, client->name);

    if (save_is_underway(save) && !owns) {
        *why_r = "another client's save is under way";
        return OUTPUT_ANSWER_ERROR;
    }
    if (!again) {
        save_own(save, client->peer);
        strcpy(save->name, client->name);
        save_start(save);
    }
    *why_r = save->why;
    return save->state == SAVE_FAILED ? OUTPUT_ANSWER_ERROR :
           save->state == SAVE_OPENING ? OUTPUT_ANSWER_LATER :
           OUTPUT_ANSWER_OK;
}

enum output_answer out_save_sync(struct output *output,
                                 const struct save_client *client,
                                 size_t pending, struct save_sum *sum_r,
                                 const char **why_r)
{
    struct out_save *save = save_of(output);
    bool named = !strcmp(save->name, client->name);

    if (save->state == SAVE_SHUT) {
        *why_r = "no save has begun";
        return OUTPUT_ANSWER_ERROR;
    }
    if (save->owner != client->peer ? save->owner || !named :
        *client->name && !named) {
        *why_r = "the last save was another client's";
        return OUTPUT_ANSWER_ERROR;
    }
    save_own(save, client->peer);
    if (save->state == SAVE_OPEN && !save->syncing) {
        save->syncing = true;
        save->left = pending;
        if (!pending)
            save_complete(save);
    }
    *why_r = save->why;
    *sum_r = (struct save_sum){ .bytes = save->bytes, .crc = save->crc };
    return save->state == SAVE_FAILED ? OUTPUT_ANSWER_ERROR :
           save->state == SAVE_DONE ? OUTPUT_ANSWER_OK :
           OUTPUT_ANSWER_LATER;
}

void out_save_gone(struct output *output, uint64_t peer)
{
    struct out_save *save = save_of(output);

    if (save->owner != peer)
        return;
    save->owner = 0;
    /* ADOPTING it waits for its ring as one that nobody has claimed. */
    if (save_is_underway(save) && save->state != SAVE_ADOPTING)
        save_fail(save, "its client has gone");
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
