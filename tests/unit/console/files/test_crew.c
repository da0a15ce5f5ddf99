/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that hang: crew.c and lane.c. A hanging disk is a job that waits
 * until the test lets it go. */
#include "console/files/lane.h"

#include "console/files/crew.h"
#include "console/daemon/privileges.h"
#include "tap.h"

#include <pthread.h>
#include <sys/stat.h>

static struct loop loop;
static struct lanes lanes;
static struct crew crew;
static int hang[2];

struct work {
    struct job job;
    bool hangs, ran, done;
    pthread_t by;
    unsigned int at;
};

static unsigned int order;
static void (*script)(void);
static __thread bool leads;

static void work_run(struct job *job)
{
    struct work *w = (struct work *)job;
    char byte;

    check(leads);
    w->by = pthread_self();
    if (w->hangs)
        check_int(read(hang[0], &byte, 1), 1);
    w->ran = true;
}

static void work_done(struct job *job)
{
    struct work *w = (struct work *)job;

    check(w->ran);
    w->done = true;
    w->at = ++order;
}

static void submit(struct work *w, struct lane *lane)
{
    w->job.run = work_run;
    w->job.done = work_done;
    lane_submit(lane, &w->job);
}

static void lead(void *data)
{
    (void)data;
    leads = true;
    for (;;) {
        script();
        check(!loop_run_once(&loop, lanes_is_pending(&lanes) ? 0 : 10));
        if (!lanes_run(&lanes))
            return;
    }
}

static void run(void (*fn)(void))
{
    script = fn;
    check(!pipe(hang));
    check(!loop_init(&loop));
    check(!crew_init(&crew, &loop, lead, NULL));
    lanes_init(&lanes, &crew);
    check(!privileges_filter(true));
    crew_run(&crew);
}

static struct work slow = { .hangs = true }, after, other[3];
static struct lane *lane_a, *lane_b;

static void others_go_on(void)
{
    static int step;

    switch (step) {
    case 0:
        lane_a = lane_open(&lanes, "/dev/x");
        lane_b = lane_open(&lanes, "/proc/x");
        submit(&slow, lane_a);
        /* Another path on the same file system. */
        lane_a = lane_open(&lanes, "/dev/y");
        submit(&after, lane_a);
        submit(&other[0], lane_b);
        submit(&other[1], lane_b);
        step++;
        break;
    case 1:
        if (!other[1].done)
            break;
        check(!pthread_equal(pthread_self(), slow.by));
        check(!slow.ran);
        check(!after.done);
        check_int(write(hang[1], "", 1), 1);
        step++;
        break;
    case 2:
        if (!after.done)
            break;
        /* In order: in a lane nothing overtakes. */
        check(slow.at < after.at);
        fflush(stdout);
        _exit(0);
    }
}

TEST(one_that_hangs_delays_only_its_lane)
{
    run(others_go_on);
}

/* Several file systems at a time, again and again. */
static void many_hang(void)
{
    static struct work hanging[3] = { { .hangs = true }, { .hangs = true },
                                      { .hangs = true } };
    static struct lane *hung[3];
    static unsigned int round;
    static bool under_way;

    if (!hung[0]) {
        hung[0] = lane_open(&lanes, "/dev/x");
        hung[1] = lane_open(&lanes, "/proc/x");
        hung[2] = lane_open(&lanes, "/sys/x");
        lane_b = lane_open(&lanes, "/tmp/x");
    }
    if (!under_way) {
        for (int i = 0; i < 3; i++) {
            hanging[i].ran = hanging[i].done = false;
            submit(&hanging[i], hung[i]);
        }
        after.done = false;
        submit(&after, lane_b);
        under_way = true;
    } else if (after.done && !hanging[0].done && !hanging[1].done &&
               !hanging[2].done) {
        /* All three hang, and the fourth was done. */
        check_int(write(hang[1], "abc", 3), 3);
        after.done = false;
    } else if (hanging[0].done && hanging[1].done && hanging[2].done) {
        under_way = false;
        if (++round == 20) {
            fflush(stdout);
            _exit(0);
        }
    }
}

TEST(as_many_as_there_are)
{
    run(many_hang);
}

/* A folder whose file system does not even answer what it is. */
int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);

static unsigned int hung_stats;

int __wrap_stat(const char *path, struct stat *st)
{
    char byte;

    if (!strncmp(path, "/hung", 5)) {
        __atomic_add_fetch(&hung_stats, 1, __ATOMIC_SEQ_CST);
        check_int(read(hang[0], &byte, 1), 1);
        path = "/dev";
    }
    return __real_stat(path, st);
}

static struct work hung[4];

static void folder_hangs(void)
{
    static int step;

    switch (step) {
    case 0:
        lane_b = lane_open(&lanes, "/dev/x");
        /* As many as there are: in one folder they take one thread. */
        for (int i = 0; i < 4; i++) {
            lane_a = lane_open(&lanes, i < 3 ? "/hung/x" : "/hung2/x");
            submit(&hung[i], lane_a);
        }
        submit(&other[0], lane_b);
        step++;
        break;
    case 1:
        if (!other[0].done ||
            __atomic_load_n(&hung_stats, __ATOMIC_SEQ_CST) < 2)
            break;
        check_int(hung_stats, 2);
        /* /dev's line goes on, though that is where /hung will be. */
        submit(&other[1], lane_b);
        step++;
        break;
    case 2:
        if (!other[1].done)
            break;
        for (int i = 0; i < 4; i++)
            check(!hung[i].ran);
        check_int(write(hang[1], "abcd", 4), 4);
        step++;
        break;
    case 3:
        if (!hung[2].done || !hung[3].done)
            break;
        check(hung[0].at < hung[1].at && hung[1].at < hung[2].at);
        fflush(stdout);
        _exit(0);
    }
}

TEST(a_folder_that_hangs_delays_only_its_own)
{
    run(folder_hangs);
}

static struct work quick[1000];

static void quick_ones(void)
{
    static int n;

    if (!n)
        lane_a = lane_open(&lanes, "/dev/x");
    if (n == 1000 && quick[999].done) {
        for (int i = 0; i < 1000; i++)
            check_int(quick[i].at, i + 1);
        fflush(stdout);
        _exit(0);
    }
    if (n < 1000)
        submit(&quick[n++], lane_a);
}

TEST(those_that_are_quick_stay_in_order)
{
    run(quick_ones);
}

TAP_MAIN()
