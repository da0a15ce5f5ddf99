/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pipe: a regular file's bytes for the guest: QEMU's state on restore.
 *
 * How far the guest is is kept in the ring itself: in_prod counts from 0
 * at a new ring, so a daemon that takes over a ring in use goes on at the
 * same byte. The file is opened when the guest asks (policy request: by
 * any byte) and closed at its end, since libxl removes it then.
 */
#include "log.h"
#include "outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * PIPE_IDLE   the guest has not asked; any byte of its asks.
 * PIPE_ASKED  asked; the file is not open yet.
 * PIPE_OPEN   bytes flow as the ring has room; fd is open.
 * PIPE_DONE   all was put into the ring, or the file can't be read. Only
 *             a new ring leads out of it.
 */
enum pipe_state { PIPE_IDLE, PIPE_ASKED, PIPE_OPEN, PIPE_DONE };

struct out_pipe {
    struct output output;
    char path[SETTINGS_PATH_MAX];
    enum output_policy policy;
    enum pipe_state state;
    int fd;                     /* -1 but in PIPE_OPEN */
    off_t offset;               /* of the next byte for the guest */
};

static void pipe_finish(struct out_pipe *p, enum pipe_state state)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
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

static void pipe_open_file(struct out_pipe *p)
{
    const char *why;
    struct stat st;

    p->fd = open(p->path, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK |
                 O_CLOEXEC);
    p->state = PIPE_OPEN;
    if (p->fd < 0 || fstat(p->fd, &st))
        why = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        why = "not a regular file";
    else
        return;
    log_guest(LOG_LEVEL_ERROR, "%s: cannot read %s for the guest: %s",
              p->output.host->label, p->path, why);
    pipe_finish(p, PIPE_DONE);
}

static size_t pipe_get(struct output *output, char *bytes, size_t n)
{
    struct out_pipe *p = (struct out_pipe *)output;
    ssize_t r;

    if (p->state == PIPE_ASKED)
        pipe_open_file(p);
    if (p->state != PIPE_OPEN)
        return 0;
    do
        r = pread(p->fd, bytes, n, p->offset);
    while (r < 0 && errno == EINTR);
    if (r > 0) {
        p->offset += r;
        return (size_t)r;
    }
    if (r < 0)
        log_guest(LOG_LEVEL_ERROR, "%s: reading %s: %s",
                  output->host->label, p->path, strerror(errno));
    pipe_finish(p, PIPE_DONE);
    return 0;
}

static void pipe_ring_up(struct output *output, uint32_t in_prod)
{
    struct out_pipe *p = (struct out_pipe *)output;
    bool asked = p->policy == POLICY_NOW || in_prod;

    pipe_finish(p, asked ? PIPE_ASKED : PIPE_IDLE);
    p->offset = in_prod;
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

    (void)host;
    if (!p)
        return NULL;
    p->output.ops = &pipe_ops;
    p->fd = -1;
    p->policy = settings->policy;
    strcpy(p->path, settings->path);
    p->state = p->policy == POLICY_NOW ? PIPE_ASKED : PIPE_IDLE;
    return &p->output;
}
