/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pipe: a regular file's bytes for the guest: QEMU's state on restore.
 *
 * How far the guest is is kept in the ring itself: in_prod counts from 0
 * at a new ring, so a daemon that takes over a ring in use goes on at the
 * same byte. The file is opened when the guest asks (policy request: by
 * any byte) and closed at its end, since libxl removes it then. That it has
 * asked is in the ring as well: a byte of its was consumed.
 */
#include "tools/common/log.h"
#include "kind.h"
#include "console/files/readfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * PIPE_IDLE   the guest has not asked; any byte of its asks.
 * PIPE_ASKED  asked; the file is not there yet.
 * PIPE_OPEN   bytes flow as the ring has room; there is a file.
 * PIPE_DONE   all was put into the ring, or the file can't be read. Only
 *             a new ring leads out of it.
 */
enum pipe_state { PIPE_IDLE, PIPE_ASKED, PIPE_OPEN, PIPE_DONE };

struct out_pipe {
    struct output output;
    char path[SETTINGS_PATH_MAX];
    enum output_policy policy;
    enum pipe_state state;
    struct readfile *file;      /* in PIPE_OPEN, else NULL */
    uint32_t offset;            /* of the first byte for this ring */
};

static void pipe_finish(struct out_pipe *p, enum pipe_state state)
{
    readfile_close(p->file);
    p->file = NULL;
    p->state = state;
}

static void pipe_close(struct output *output)
{
    pipe_finish((struct out_pipe *)output, PIPE_DONE);
    free(output);
}

static size_t pipe_put(struct output *output, const char *bytes, size_t n)
{
    struct out_pipe *p = (struct out_pipe *)output;
    struct counters *counters = output->host->counters;
    size_t request = p->state == PIPE_IDLE && n ? 1 : 0;

    (void)bytes;
    if (request)
        p->state = PIPE_ASKED;
    counters->delivered += request;
    counters->dropped += n - request;
    return n;
}

static void pipe_failed(struct out_pipe *p, int error)
{
    /* Once the guest has all of it, libxl removes the file. */
    enum log_level level = error == ENOENT && p->offset ? LOG_LEVEL_DEBUG :
                           LOG_LEVEL_ERROR;

    log_guest(p->output.host->ring.domid, level,
              "%s: cannot read %s for the guest: %s",
              p->output.host->label, p->path,
              error == EINVAL ? "not a regular file" : strerror(error));
    pipe_finish(p, PIPE_DONE);
}

static void pipe_event(void *data)
{
    struct out_pipe *p = data;

    p->output.host->wake(p->output.host->data);
}

static size_t pipe_get(struct output *output, char *bytes, size_t n)
{
    struct out_pipe *p = (struct out_pipe *)output;
    size_t taken;

    if (p->state == PIPE_ASKED) {
        p->file = readfile_open(output->host->lanes, p->path, p->offset,
                                pipe_event, p);
        p->state = PIPE_OPEN;
        if (!p->file)
            pipe_failed(p, ENOMEM);
    }
    if (p->state != PIPE_OPEN || p->file->busy)
        return 0;
    taken = readfile_take(p->file, bytes, n);
    if (taken || p->file->busy || !p->file->ended)
        return taken;
    if (p->file->error)
        pipe_failed(p, p->file->error);
    else
        pipe_finish(p, PIPE_DONE);
    return 0;
}

static void pipe_ring_up(struct output *output, const struct ring *ring)
{
    struct out_pipe *p = (struct out_pipe *)output;
    bool asked = p->policy == POLICY_NOW || ring->in_prod || ring->out_cons;

    pipe_finish(p, asked ? PIPE_ASKED : PIPE_IDLE);
    p->offset = ring->in_prod;
}

static void pipe_ring_lost(struct output *output)
{
    pipe_finish((struct out_pipe *)output, PIPE_DONE);
}

static const struct output_ops pipe_ops = {
    .close = pipe_close,
    .put = pipe_put,
    .get = pipe_get,
    .ring_up = pipe_ring_up,
    .ring_lost = pipe_ring_lost,
};

struct output *out_pipe_open(const struct settings *settings,
                             struct output_host *host)
{
    struct out_pipe *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->output.ops = &pipe_ops;
    p->output.host = host;
    p->policy = settings->policy;
    strcpy(p->path, settings->path);
    p->state = PIPE_IDLE;
    return &p->output;
}
