/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output.h"

#include "tools/common/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void null_close(struct output *output)
{
    free(output);
}

static size_t null_put(struct output *output, const char *bytes, size_t n)
{
    (void)bytes;
    output->host->counters->dropped += n;
    return n;
}

static const struct output_ops null_ops = {
    .close = null_close,
    .put = null_put,
};

static struct output *null_open(void)
{
    struct output *output = calloc(1, sizeof(*output));

    if (output)
        output->ops = &null_ops;
    return output;
}

static struct output *kind_open(const struct settings *settings,
                                struct output_host *host)
{
    switch (settings->kind) {
    case OUTPUT_PTY:
        return out_pty_open(settings, host);
    case OUTPUT_UNIX:
        return out_unix_open(settings, host);
    case OUTPUT_FILE:
        return settings->policy == POLICY_SAVE ?
               out_save_open(settings, host) :
               out_file_open(settings, host);
    case OUTPUT_PIPE:
        return out_pipe_open(settings, host);
    case OUTPUT_NULL:
        break;
    }
    return null_open();
}

struct output *output_open(struct output_host *host,
                           const struct settings *settings)
{
    struct output *output = kind_open(settings, host);

    if (output)
        output->host = host;
    return output;
}

void output_complain(const struct output_host *host,
                     const struct settings *settings, int error)
{
    if (error == EMFILE || error == ENFILE)
        log_error("%s is not served: all file descriptors are in use; "
                  "raise the limit (LimitNOFILE=) of xenconsoled",
                  host->label);
    else
        log_error("%s is not served: cannot open its output %s%s%s: %s",
                  host->label, output_kind_name(settings->kind),
                  *settings->path ? ":" : "", settings->path,
                  strerror(error));
}

void output_close(struct output *output)
{
    if (!output)
        return;
    output->host->counters->dropped += output_buffered(output);
    output->ops->close(output);
}

size_t output_put(struct output *output, const char *bytes, size_t n)
{
    return output->ops->put(output, bytes, n);
}

size_t output_get(struct output *output, char *bytes, size_t n)
{
    return output->ops->get ? output->ops->get(output, bytes, n) : 0;
}

void output_poll(struct output *output, bool room)
{
    if (output->ops->poll)
        output->ops->poll(output, room);
}

bool output_is_busy(const struct output *output)
{
    return output->ops->busy && output->ops->busy(output);
}

bool output_has_written(const struct output *output)
{
    return output->ops->written && output->ops->written(output);
}

enum output_answer output_position(struct output *output,
                                   const struct xencons_interface *page,
                                   uint32_t *out_cons_r)
{
    return output->ops->position ?
           output->ops->position(output, page, out_cons_r) :
           OUTPUT_ANSWER_ERROR;
}

void output_ring_up(struct output *output, const struct ring *ring)
{
    if (output->ops->ring_up)
        output->ops->ring_up(output, ring);
}

void output_ring_ends(struct output *output)
{
    if (output->ops->ring_ends)
        output->ops->ring_ends(output);
}

void output_ring_lost(struct output *output)
{
    if (output->ops->ring_lost)
        output->ops->ring_lost(output);
}

size_t output_buffered(const struct output *output)
{
    return output->ops->buffered ? output->ops->buffered(output) : 0;
}

const char *output_tty(const struct output *output)
{
    return output->ops == &out_pty_ops ? out_pty_path(output) : NULL;
}

bool output_is_attached(const struct output *output)
{
    return output->ops == &out_unix_ops && out_unix_attached(output);
}

void output_attach(struct output *output, int fd)
{
    out_unix_attach(output, fd);
}

void output_reopen(struct output *output)
{
    if (output->ops->reopen)
        output->ops->reopen(output);
}

enum output_answer output_save_begin(struct output *output,
                                     const struct save_client *client,
                                     bool again, const char **why_r)
{
    return out_save_begin(output, client, again, why_r);
}

enum output_answer output_save_sync(struct output *output,
                                    const struct save_client *client,
                                    size_t pending, struct save_sum *sum_r,
                                    const char **why_r)
{
    return out_save_sync(output, client, pending, sum_r, why_r);
}

void output_save_gone(struct output *output, uint64_t peer)
{
    out_save_gone(output, peer);
}

void output_ask_again(struct output *output)
{
    if (output->ops == &out_unix_ops)
        out_unix_ask_again(output);
}
