/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "readfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void job_submit(struct readfile *file, void (*run)(struct job *),
                       void (*done)(struct job *))
{
    file->busy = true;
    file->job.run = run;
    file->job.done = done;
    lane_submit(file->lane, &file->job);
}

static void close_run(struct job *job)
{
    struct readfile *file = (struct readfile *)job;

    if (file->fd >= 0)
        close(file->fd);
}

static void file_free(struct readfile *file)
{
    lane_close(file->lane);
    free(file->path);
    free(file);
}

static void close_done(struct job *job)
{
    file_free((struct readfile *)job);
}

static void read_run(struct job *job)
{
    struct readfile *file = (struct readfile *)job;
    struct stat st;
    ssize_t r;

    file->taken = file->n = 0;
    if (file->fd < 0) {
        file->fd = open(file->path, O_RDONLY | O_NOFOLLOW | O_NOCTTY |
                        O_NONBLOCK | O_CLOEXEC);
        if (file->fd < 0 || fstat(file->fd, &st))
            file->error = errno;
        else if (!S_ISREG(st.st_mode))
            file->error = EINVAL;
    }
    if (!file->error) {
        do
            r = pread(file->fd, file->bytes, sizeof(file->bytes),
                      (off_t)file->offset);
        while (r < 0 && errno == EINTR);
        file->error = r < 0 ? errno : 0;
        file->n = r > 0 ? (size_t)r : 0;
        file->offset += file->n;
    }
    file->ended = !file->n;
}

static void read_done(struct job *job)
{
    struct readfile *file = (struct readfile *)job;

    file->busy = false;
    if (file->fn)
        file->fn(file->data);   /* must be last */
    else
        job_submit(file, close_run, close_done);
}

struct readfile *readfile_open(struct lanes *lanes, const char *path,
                               uint64_t offset, readfile_fn *fn, void *data)
{
    struct readfile *file = calloc(1, sizeof(*file));

    if (!file)
        return NULL;
    file->fd = -1;
    file->fn = fn;
    file->data = data;
    file->offset = offset;
    file->path = strdup(path);
    file->lane = lane_open(lanes, path);
    if (!file->path || !file->lane) {
        file_free(file);
        return NULL;
    }
    job_submit(file, read_run, read_done);
    return file;
}

size_t readfile_take(struct readfile *file, char *bytes, size_t n)
{
    if (file->busy)
        return 0;
    if (n > file->n - file->taken)
        n = file->n - file->taken;
    memcpy(bytes, file->bytes + file->taken, n);
    file->taken += n;
    if (file->taken == file->n && !file->ended)
        job_submit(file, read_run, read_done);
    return n;
}

void readfile_close(struct readfile *file)
{
    if (!file)
        return;
    file->fn = NULL;
    if (!file->busy)
        job_submit(file, close_run, close_done);
}
