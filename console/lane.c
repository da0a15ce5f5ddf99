/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lane.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Jobs done before the rest of the loop gets its turn: a millisecond's
 * worth, where the disk is no more than memory. */
#define LANES_BATCH 64

void lanes_init(struct lanes *lanes, struct crew *crew)
{
    TAILQ_INIT(&lanes->all);
    TAILQ_INIT(&lanes->waiting);
    lanes->crew = crew;
}

/* The device of the folder: it is in use, so the kernel knows it without
 * asking the disk. What isn't there is in no one's way. */
static dev_t dev_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash && slash != path ? (size_t)(slash - path) : 1;
    struct stat st;

    if (n >= sizeof(folder))
        return 0;
    memcpy(folder, path, n);
    folder[n] = '\0';
    return stat(folder, &st) ? 0 : st.st_dev;
}

static void lane_unuse(struct lane *lane)
{
    if (--lane->users)
        return;
    TAILQ_REMOVE(&lane->lanes->all, lane, entry);
    free(lane);
}

struct lane *lane_open(struct lanes *lanes, const char *path)
{
    dev_t dev = dev_of(path);
    struct lane *lane;

    /* As many as the host has file systems for consoles: a few. */
    TAILQ_FOREACH(lane, &lanes->all, entry)
        if (lane->dev == dev) {
            lane->users++;
            return lane;
        }
    lane = calloc(1, sizeof(*lane));
    if (!lane)
        return NULL;
    lane->dev = dev;
    lane->users = 1;
    lane->lanes = lanes;
    TAILQ_INIT(&lane->jobs);
    TAILQ_INSERT_TAIL(&lanes->all, lane, entry);
    return lane;
}

void lane_close(struct lane *lane)
{
    if (lane)
        lane_unuse(lane);
}

static void lane_wait(struct lane *lane)
{
    if (lane->is_ready || lane->busy || TAILQ_EMPTY(&lane->jobs))
        return;
    lane->is_ready = true;
    TAILQ_INSERT_TAIL(&lane->lanes->waiting, lane, ready);
}

void lane_submit(struct lane *lane, struct job *job)
{
    job->lane = lane;
    lane->users++;
    TAILQ_INSERT_TAIL(&lane->jobs, job, entry);
    lane_wait(lane);
}

void lane_job_done(struct job *job)
{
    struct lane *lane = job->lane;

    TAILQ_REMOVE(&lane->jobs, job, entry);
    lane->busy = false;
    lane_wait(lane);
    job->done(job);
    lane_unuse(lane);
}

bool lanes_is_pending(const struct lanes *lanes)
{
    return !TAILQ_EMPTY(&lanes->waiting);
}

bool lanes_run(struct lanes *lanes)
{
    struct lane *lane;

    /* In turn, a job of each. */
    for (int i = 0; i < LANES_BATCH; i++) {
        struct job *job;

        lane = TAILQ_FIRST(&lanes->waiting);
        if (!lane)
            break;
        TAILQ_REMOVE(&lanes->waiting, lane, ready);
        lane->is_ready = false;
        lane->busy = true;
        job = TAILQ_FIRST(&lane->jobs);
        if (lanes->crew && !crew_do(lanes->crew, job))
            return false;
        if (!lanes->crew)
            job->run(job);
        lane_job_done(job);
    }
    return true;
}

void lanes_finish(struct lanes *lanes)
{
    lanes->crew = NULL;
    while (lanes_is_pending(lanes))
        lanes_run(lanes);
}
