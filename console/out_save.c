/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file: with policy save: QEMU's state on its way to a file of libxl's.
 *
 * A gate: bytes count only between save-begin, which makes the file anew,
 * and sync. Inside, each byte is written once, and the ring is given back
 * to the guest only after the write; outside, bytes are dropped and
 * counted. An error keeps the gate open but drops what follows, so that
 * the guest goes on, and sync reports it.
 */
#include "log.h"
#include "outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* QEMU's state without the guest's memory is a few hundred kB; video
 * memory in it can reach tens of MB. More is an attack on the disk. */
#define SAVE_MAX (256ULL << 20)

struct out_save {
    struct output output;
    char path[SETTINGS_PATH_MAX];
    int fd;                     /* -1: the gate is shut */
    uint64_t bytes;             /* in the file */
    const char *failure;        /* since save-begin; NULL: none */
};

static struct out_save *save_of(struct output *output)
{
    return (struct out_save *)output;
}

static void gate_shut(struct out_save *save)
{
    if (save->fd >= 0)
        close(save->fd);
    save->fd = -1;
}

static void save_close(struct output *output)
{
    gate_shut(save_of(output));
    free(output);
}

static void save_fail(struct out_save *save, const char *why)
{
    save->failure = why;
    log_guest(LOG_LEVEL_ERROR, "%s: the state of the device model is not "
              "saved: writing %s: %s", save->output.host->label,
              save->path, why);
}

/* How many bytes the file took. */
static size_t save_write(struct out_save *save, const char *bytes, size_t n)
{
    size_t done = 0;

    if (n > SAVE_MAX - save->bytes) {
        save_fail(save, "the stream is longer than 256 MiB");
        return 0;
    }
    while (done < n) {
        ssize_t r = write(save->fd, bytes + done, n - done);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            save_fail(save, r ? strerrordesc_np(errno) : "nothing taken");
            break;
        }
        done += (size_t)r;
    }
    save->bytes += done;
    return done;
}

static size_t save_put(struct output *output, const char *bytes, size_t n)
{
    struct out_save *save = save_of(output);
    struct counters *counters = output->host->counters;
    size_t done = 0;

    if (save->fd >= 0 && !save->failure)
        done = save_write(save, bytes, n);
    counters->delivered += done;
    counters->dropped += n - done;
    return n;
}

/* The rest of the stream is in a ring that no longer exists. */
static void save_ring_lost(struct output *output)
{
    struct out_save *save = save_of(output);

    if (save->fd >= 0 && !save->failure)
        save_fail(save, "the console was disconnected");
}

const struct output_ops out_save_ops = {
    .close = save_close,
    .put = save_put,
    .ring_lost = save_ring_lost,
};

bool out_save_begin(struct output *output, const char **why_r)
{
    struct out_save *save = save_of(output);
    struct stat st;

    gate_shut(save);
    save->bytes = 0;
    save->failure = NULL;
    save->fd = open(save->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW |
                    O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0600);
    if (save->fd < 0 || fstat(save->fd, &st)) {
        *why_r = strerrordesc_np(errno);
    } else if (!S_ISREG(st.st_mode)) {
        *why_r = "not a regular file";
    } else {
        return true;
    }
    gate_shut(save);
    log_error("%s: cannot open %s: %s", output->host->label, save->path,
              *why_r);
    return false;
}

bool out_save_sync(struct output *output, uint64_t *bytes_r,
                   const char **why_r)
{
    struct out_save *save = save_of(output);

    if (save->fd < 0) {
        *why_r = "no save has begun";
        return false;
    }
    gate_shut(save);
    *bytes_r = save->bytes;
    *why_r = save->failure;
    return !save->failure;
}

struct output *out_save_open(const struct settings *settings,
                             struct output_host *host)
{
    struct out_save *save = calloc(1, sizeof(*save));

    (void)host;
    if (!save)
        return NULL;
    save->output.ops = &out_save_ops;
    save->fd = -1;
    strcpy(save->path, settings->path);
    return &save->output;
}
