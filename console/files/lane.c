/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lane.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Jobs done before the rest of the loop gets its turn: a millisecond's
 * worth, where the disk is no more than memory. */
#define LANES_BATCH 64

/* Jobs that are done one after the other: those on one file system; or, as
 * long as it isn't known on which one it is, on one folder. */
struct line {
    const char *folder;         /* NULL: of a file system */
    dev_t dev;
    unsigned int lanes;
    bool busy;                  /* its first job is being done */
    bool is_ready;
    struct job_queue jobs;
    TAILQ_ENTRY(line) entry, ready;
};

/*
 * Which file system a folder is on is asked in the lane's first job, for the
 * question hangs where the file system does. Until the answer is there jobs
 * wait in the lane. So what was submitted for one path is done in order,
 * even by two lanes: both ask in the same line.
 */
struct lane {
    struct job find;
    bool found;
    dev_t dev;                  /* find's result; 0: none */
    struct lanes *lanes;
    struct line *line;
    unsigned int users;         /* the one who opened it, and jobs */
    struct job_queue jobs;      /* until it is found */
    char folder[];
};

void lanes_init(struct lanes *lanes, struct crew *crew)
{
    TAILQ_INIT(&lanes->all);
    TAILQ_INIT(&lanes->waiting);
    lanes->crew = crew;
}

/* As many as the host has file systems for consoles, a few; and folders
 * that were not looked at yet. NULL: no memory. */
static struct line *line_get(struct lanes *lanes, const char *folder,
                             dev_t dev)
{
    struct line *line;

    TAILQ_FOREACH(line, &lanes->all, entry)
        if (folder ? line->folder && !strcmp(line->folder, folder) :
                     !line->folder && line->dev == dev)
            break;
    if (!line) {
        line = calloc(1, sizeof(*line) + (folder ? strlen(folder) + 1 : 0));
        if (!line)
            return NULL;
        if (folder)
            line->folder = strcpy((char *)(line + 1), folder);
        line->dev = dev;
        TAILQ_INIT(&line->jobs);
        TAILQ_INSERT_TAIL(&lanes->all, line, entry);
    }
    line->lanes++;
    return line;
}

static void line_put(struct lanes *lanes, struct line *line)
{
    if (--line->lanes)
        return;
    TAILQ_REMOVE(&lanes->all, line, entry);
    free(line);
}

static void line_wait(struct lanes *lanes, struct line *line)
{
    if (line->is_ready || line->busy || TAILQ_EMPTY(&line->jobs))
        return;
    line->is_ready = true;
    TAILQ_INSERT_TAIL(&lanes->waiting, line, ready);
}

static void lane_unuse(struct lane *lane)
{
    if (--lane->users)
        return;
    line_put(lane->lanes, lane->line);
    free(lane);
}

static void find_run(struct job *job)
{
    struct lane *lane = (struct lane *)job;
    struct stat st;

    lane->dev = stat(lane->folder, &st) ? 0 : st.st_dev;
}

static void find_done(struct job *job)
{
    struct lane *lane = (struct lane *)job;
    struct line *line = NULL;

    /* A folder that is not there stays in a line of its own: it may be
     * mounted later. */
    if (lane->dev)
        line = line_get(lane->lanes, NULL, lane->dev);
    if (line) {
        line_put(lane->lanes, lane->line);
        lane->line = line;
    }
    lane->found = true;
    TAILQ_CONCAT(&lane->line->jobs, &lane->jobs, entry);
    line_wait(lane->lanes, lane->line);
}

static void line_add(struct lane *lane, struct job *job)
{
    job->lane = lane;
    lane->users++;
    TAILQ_INSERT_TAIL(&lane->line->jobs, job, entry);
    line_wait(lane->lanes, lane->line);
}

struct lane *lane_open(struct lanes *lanes, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash && slash != path ? (size_t)(slash - path) : 1;
    struct lane *lane = calloc(1, sizeof(*lane) + n + 1);

    if (!lane)
        return NULL;
    memcpy(lane->folder, path, n);
    lane->line = line_get(lanes, lane->folder, 0);
    if (!lane->line) {
        free(lane);
        return NULL;
    }
    lane->lanes = lanes;
    lane->users = 1;
    TAILQ_INIT(&lane->jobs);
    lane->find.run = find_run;
    lane->find.done = find_done;
    line_add(lane, &lane->find);
    return lane;
}

void lane_close(struct lane *lane)
{
    if (lane)
        lane_unuse(lane);
}

void lane_submit(struct lane *lane, struct job *job)
{
    if (lane->found) {
        line_add(lane, job);
        return;
    }
    job->lane = lane;
    lane->users++;
    TAILQ_INSERT_TAIL(&lane->jobs, job, entry);
}

static struct job *job_of(struct crew_work *work)
{
    return (struct job *)((char *)work - offsetof(struct job, work));
}

static void work_run(struct crew_work *work)
{
    struct job *job = job_of(work);

    job->run(job);
}

/* In the loop, after run(). */
static void job_done(struct job *job)
{
    struct lane *lane = job->lane;
    struct line *line = lane->line;

    TAILQ_REMOVE(&line->jobs, job, entry);
    line->busy = false;
    line_wait(lane->lanes, line);
    job->done(job);
    lane_unuse(lane);
}

static void work_back(struct crew_work *work)
{
    job_done(job_of(work));
}

bool lanes_is_pending(const struct lanes *lanes)
{
    return !TAILQ_EMPTY(&lanes->waiting);
}

bool lanes_run(struct lanes *lanes)
{
    /* In turn, a job of each. */
    for (int i = 0; i < LANES_BATCH; i++) {
        struct line *line = TAILQ_FIRST(&lanes->waiting);
        struct job *job;

        if (!line)
            break;
        TAILQ_REMOVE(&lanes->waiting, line, ready);
        line->is_ready = false;
        line->busy = true;
        job = TAILQ_FIRST(&line->jobs);
        job->work = (struct crew_work){ .run = work_run,
                                        .back = work_back };
        if (lanes->crew && !crew_do(lanes->crew, &job->work))
            return false;
        if (!lanes->crew)
            job->run(job);
        job_done(job);
    }
    return true;
}

void lanes_finish(struct lanes *lanes)
{
    lanes->crew = NULL;
    while (lanes_is_pending(lanes))
        lanes_run(lanes);
}
