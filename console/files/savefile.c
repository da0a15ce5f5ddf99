/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "savefile.h"

#include "tools/common/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* What a job reads at a time: some milliseconds of a slow disk. */
#define SAVEFILE_READ_MAX (1U << 20)

static void file_free(struct savefile *file)
{
    lane_close(file->lane);
    free(file->path);
    free(file);
}

static void close_run(struct job *job)
{
    struct savefile *file = (struct savefile *)job;

    if (file->fd >= 0)
        close(file->fd);
}

static void close_done(struct job *job)
{
    file_free((struct savefile *)job);
}

static void job_submit(struct savefile *file, void (*run)(struct job *),
                       void (*done)(struct job *))
{
    file->busy = true;
    file->job.run = run;
    file->job.done = done;
    lane_submit(file->lane, &file->job);
}

static void job_done(struct job *job)
{
    struct savefile *file = (struct savefile *)job;

    file->busy = false;
    if (file->fn)
        file->fn(file->data, file->error);      /* must be last */
    else
        job_submit(file, close_run, close_done);
}

static void open_run(struct job *job)
{
    struct savefile *file = (struct savefile *)job;
    int how = file->truncate ? O_WRONLY | O_CREAT | O_TRUNC : O_RDWR;
    struct stat st;

    file->error = 0;
    file->fd = open(file->path, how | O_APPEND | O_NOFOLLOW | O_NOCTTY |
                    O_NONBLOCK | O_CLOEXEC, 0600);
    if (file->fd < 0 || fstat(file->fd, &st)) {
        file->error = errno;
    } else if (!S_ISREG(st.st_mode)) {
        file->error = EINVAL;
    } else {
        file->dev = st.st_dev;
        file->ino = st.st_ino;
        file->size = (uint64_t)st.st_size;
    }
    FAULT("save-opened");
}

/* Some more of what it had when it was opened. */
static void read_run(struct job *job)
{
    struct savefile *file = (struct savefile *)job;
    char bytes[16384];

    for (size_t n = 0; n < SAVEFILE_READ_MAX && file->read < file->size &&
         !file->error; ) {
        uint64_t left = file->size - file->read;
        ssize_t r = pread(file->fd, bytes, left < sizeof(bytes) ?
                          (size_t)left : sizeof(bytes), (off_t)file->read);

        if (r > 0) {
            file->crc = (uint32_t)crc32(file->crc, (Bytef *)bytes, (uInt)r);
            file->read += (uint64_t)r;
            n += (size_t)r;
        } else if (r == 0 || errno != EINTR) {
            file->error = r ? errno : ESTALE;
        }
    }
}

static void read_done(struct job *job)
{
    struct savefile *file = (struct savefile *)job;

    if (file->fn && !file->error && file->read < file->size)
        job_submit(file, read_run, read_done);
    else
        job_done(job);          /* must be last */
}

static void look_run(struct job *job)
{
    struct savefile *file = (struct savefile *)job;
    struct stat st;

    if (lstat(file->path, &st))
        file->error = errno == ENOENT ? ESTALE : errno;
    else
        file->error = st.st_dev == file->dev && st.st_ino == file->ino &&
                      (uint64_t)st.st_size == file->size ? 0 : ESTALE;
}

static void append_run(struct job *job)
{
    struct savefile *file = (struct savefile *)job;

    file->done = 0;
    file->error = 0;
    while (file->done < file->n && !file->error) {
        ssize_t r = write(file->fd, file->bytes + file->done,
                          FAULT_SHORT("save-half", file->n - file->done));

        FAULT("save-half");
        if (r > 0) {
            file->crc = (uint32_t)crc32(file->crc, (Bytef *)file->bytes +
                                        file->done, (uInt)r);
            file->done += (size_t)r;
            file->size += (size_t)r;
        } else if (r == 0 || errno != EINTR) {
            file->error = r ? errno : EIO;
        }
    }
    FAULT("save-written");
}

struct savefile *savefile_open(struct lanes *lanes, const char *path,
                               bool truncate, savefile_fn *fn, void *data)
{
    struct savefile *file = calloc(1, sizeof(*file));

    if (!file)
        return NULL;
    file->fd = -1;
    file->fn = fn;
    file->data = data;
    file->truncate = truncate;
    file->path = strdup(path);
    file->lane = lane_open(lanes, path);
    if (!file->path || !file->lane) {
        file_free(file);
        return NULL;
    }
    job_submit(file, open_run, read_done);
    return file;
}

void savefile_append(struct savefile *file, const char *bytes, size_t n)
{
    memcpy(file->bytes, bytes, n);
    file->n = n;
    job_submit(file, append_run, job_done);
}

void savefile_look(struct savefile *file)
{
    job_submit(file, look_run, job_done);
}

void savefile_close(struct savefile *file)
{
    if (!file)
        return;
    file->fn = NULL;
    if (!file->busy)
        job_submit(file, close_run, close_done);
}
