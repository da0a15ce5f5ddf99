/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file: with policy log: a console's text in a capped log file. A file that
 * can't be opened or written loses text, counted; it never stops the guest.
 */
#include "logfile.h"
#include "outputs.h"

#include <stdlib.h>

struct out_file {
    struct output output;
    struct logfile log;
};

static void file_close(struct output *output)
{
    struct out_file *file = (struct out_file *)output;

    logfile_dispose(&file->log);
    free(file);
}

static size_t file_put(struct output *output, const char *bytes, size_t n)
{
    struct out_file *file = (struct out_file *)output;
    size_t written = logfile_write(&file->log, bytes, n);

    output->host->counters->delivered += written;
    output->host->counters->dropped += n - written;
    return n;
}

static const struct output_ops file_ops = {
    .close = file_close,
    .put = file_put,
};

struct output *out_file_open(const struct settings *settings,
                             struct output_host *host)
{
    struct out_file *file = calloc(1, sizeof(*file));

    (void)host;
    if (!file)
        return NULL;
    file->output.ops = &file_ops;
    logfile_init(&file->log);
    logfile_open(&file->log, settings->path);
    return &file->output;
}
