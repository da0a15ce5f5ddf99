/* SPDX-License-Identifier: GPL-2.0-or-later */
/* out_save.c and the savefile.c below it. */
#define SAVE_CLAIM_MS 50
#define SAVE_STUCK_MS 50
#include "console/output/out_save.c"

#include "output_fixture.h"

#include <zlib.h>

/* The disk: every write to a regular file fails like this, if it is set. */
static int disk_error;
static size_t disk_takes = SIZE_MAX;    /* at most, of one write */
static bool disk_is_fast;               /* and keeps nothing */

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    struct stat st;

    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return __real_write(fd, bytes, n);
    if (disk_error) {
        errno = disk_error;
        return -1;
    }
    if (disk_is_fast)
        return ftruncate(fd, st.st_size + (off_t)n) ? -1 : (ssize_t)n;
    return __real_write(fd, bytes, n < disk_takes ? n : disk_takes);
}

static const struct save_client unnamed = { 1, "" };
/* The same again, and another. */
static const struct save_client a_1 = { 1, "a" }, a_2 = { 2, "a" },
                                b_2 = { 2, "b" };

static bool begins(const struct save_client *client, const char **why_r)
{
    enum output_answer answer = output_save_begin(output, client, false,
                                                  why_r);

    while (answer == OUTPUT_ANSWER_LATER) {
        check(lanes_is_pending(&lanes));
        files_settle();
        answer = output_save_begin(output, client, true, why_r);
    }
    return answer == OUTPUT_ANSWER_OK;
}

static bool save_begin(const char **why_r)
{
    return begins(&unnamed, why_r);
}

static struct save_sum sum;

/* All that was written has been put(). */
static bool syncs(const struct save_client *client, const char **why_r)
{
    enum output_answer answer = output_save_sync(output, client, 0, &sum,
                                                 why_r);

    if (answer == OUTPUT_ANSWER_LATER) {
        files_settle();
        answer = output_save_sync(output, client, 0, &sum, why_r);
    }
    check(answer != OUTPUT_ANSWER_LATER);
    return answer == OUTPUT_ANSWER_OK;
}

static bool save_sync(uint64_t *bytes_r, const char **why_r)
{
    bool ok = syncs(&unnamed, why_r);

    *bytes_r = sum.bytes;
    return ok;
}

static void check_sum(const char *bytes, size_t n)
{
    check_int(sum.bytes, n);
    check(sum.crc == crc32(0, (const Bytef *)bytes, (uInt)n));
}

TEST(save_is_gated)
{
    const char *why = NULL;
    uint64_t bytes;

    start("file:", "save", NULL);
    check_int(put("early", 5), 5);
    check_int(counters.dropped, 5);
    check_int(file_size(), -1);
    check(!save_sync(&bytes, &why));
    check_str(why, "no save has begun");

    check(save_begin(&why));
    check_int(file_size(), 0);
    check_int(put("state", 5), 5);
    check_int(put("more", 4), 4);
    check(save_sync(&bytes, &why));
    check_sum("statemore", 9);
    check_int(file_size(), 9);

    check_int(put("late", 4), 4);
    check_int(file_size(), 9);
    check_int(counters.dropped, 9 + 3);
    /* Who lost the answer may ask again. */
    check(save_sync(&bytes, &why));
    check_int(bytes, 9);
    finish();
}

TEST(save_again_makes_the_file_anew)
{
    const char *why;
    uint64_t bytes;

    start("file:", "save", NULL);
    check(save_begin(&why));
    put("first, and longer", 17);
    check(save_begin(&why));
    put("second", 6);
    check(save_sync(&bytes, &why));
    check_sum("second", 6);
    check_int(file_size(), 6);
    finish();
}

TEST(save_on_a_full_disk)
{
    struct rlimit limit = { 4, RLIM_INFINITY };
    const char *why = NULL;
    uint64_t bytes;

    start("file:", "save", NULL);
    signal(SIGXFSZ, SIG_IGN);
    check(!setrlimit(RLIMIT_FSIZE, &limit));
    check(save_begin(&why));
    check_int(put("abcdef", 6), 6);
    /* Room again: still no holes in the file. */
    limit.rlim_cur = RLIM_INFINITY;
    check(!setrlimit(RLIMIT_FSIZE, &limit));
    check_int(put("ghi", 3), 3);
    check_int(counters.delivered, 4);
    check_int(counters.dropped, 5 + 3);
    check(!save_sync(&bytes, &why));
    check_str(why, "File too large");
    /* The next one starts with a clean slate. */
    check(save_begin(&why));
    put("ok", 2);
    check(save_sync(&bytes, &why));
    check_int(bytes, 2);
    finish();
}

/* The guest goes on, and so does what is saved next. */
TEST(save_on_a_disk_that_hangs)
{
    const char *why = NULL;
    uint64_t bytes;

    start("file:", "save", NULL);
    check(save_begin(&why));
    check_int(put("state", 5), 5);
    check_int(put_once("more", 4), 0);
    wakes = 0;
    while (loop_timer_is_set(&save_of(output)->stuck))
        loop_run_once(&loop, 10);
    check_int(wakes, 1);
    check(!output_is_busy(output));
    check_int(put_once("more", 4), 4);
    check(!save_sync(&bytes, &why));
    check_str(why, "the disk takes nothing");
    files_settle();

    check(save_begin(&why));
    check_int(put("another", 7), 7);
    check(!loop_timer_is_set(&save_of(output)->stuck));
    check(save_sync(&bytes, &why));
    check_sum("another", 7);
    finish();
}

TEST(save_does_not_follow_links)
{
    const char *why = NULL;

    start("file:", "save", NULL);
    check(!symlink("nowhere", path));
    check(!save_begin(&why));
    check(why);
    finish();
}

TEST(save_fails_when_the_ring_goes)
{
    const char *why = NULL;
    uint64_t bytes;

    start("file:", "save", NULL);
    check(save_begin(&why));
    put("ab", 2);
    output_ring_lost(output);
    put("cd", 2);
    check(!save_sync(&bytes, &why));
    check(why);
    finish();
}

/* Of daemons that were: no more than memory of this process. */
static struct output *volatile killed[4];
static size_t killed_n;

/* The daemon is killed, nothing of it gets to clean up; another starts. */
static void reopen(void)
{
    struct settings settings = { .kind = OUTPUT_FILE,
                                 .policy = POLICY_SAVE };

    strcpy(settings.path, path);
    killed[killed_n++] = output;
    output = output_open(&host, &settings);
    check(output);
}

static void restart(uint32_t expected, uint32_t written_by_guest)
{
    struct ring ring = { .out_cons = written_by_guest };

    reopen();
    check(position(&ring.out_cons));
    check_int(ring.out_cons, expected);
    output_ring_up(output, &ring);
}

TEST(save_goes_on_where_a_killed_daemon_was)
{
    struct ring ring = { .out_cons = 100 };
    const char *why;
    uint64_t bytes;

    start("file:", "save", NULL);
    output_ring_up(output, &ring);
    check(save_begin(&why));
    check_int(put("state", 5), 5);
    /* Written, and killed before the ring was told. */
    check_int(put_once("more", 4), 0);
    files_settle();
    /* 100, and "old" that save_begin() had drained. */
    restart(103 + 9, 4711);
    check_int(put("rest", 4), 4);
    check(save_sync(&bytes, &why));
    check_sum("statemorerest", 13);
    check_int(file_size(), 13);
    /* And that answer survives as well. */
    reopen();
    check(!position(&ring.out_cons));
    check(save_sync(&bytes, &why));
    check_sum("statemorerest", 13);
    finish();
}

/* The next daemon knows of nobody whose stream it is. */
static void killed_within(const struct save_client *client)
{
    struct ring ring = { .out_cons = 100 };
    const char *why;

    start("file:", "save", NULL);
    output_ring_up(output, &ring);
    check(begins(client, &why));
    check_int(put("state", 5), 5);
    restart(103 + 5, 103 + 5);
}

TEST(save_is_claimed_by_its_name)
{
    const char *why = NULL;

    killed_within(&a_1);
    check(!begins(&b_2, &why));
    check_str(why, "another client's save is under way");
    check(!syncs(&b_2, &why));
    check_str(why, "the last save was another client's");
    check(!syncs(&unnamed, &why));
    check(syncs(&a_2, &why));
    check_sum("state", 5);
    finish();
}

TEST(save_begins_anew_by_its_name)
{
    const char *why = NULL;

    killed_within(&a_1);
    check(begins(&a_2, &why));
    check_int(put("new", 3), 3);
    check(syncs(&a_2, &why));
    check_sum("new", 3);
    finish();
}

TEST(save_that_nobody_claims_ends)
{
    const char *why = NULL;

    killed_within(&a_1);
    while (loop_timer_is_set(&save_of(output)->claim))
        loop_run_once(&loop, 10);
    check_int(put("lost", 4), 4);
    check_int(file_size(), 5);
    check(!syncs(&a_2, &why));
    check_str(why, "its client has not come back");
    check(begins(&b_2, &why));
    finish();
}

TEST(save_that_is_claimed_does_not_end)
{
    const char *why = NULL;

    killed_within(&a_1);
    check_int(output_save_sync(output, &a_2, 4, &sum, &why),
              OUTPUT_ANSWER_LATER);
    check(!loop_timer_is_set(&save_of(output)->claim));
    check_int(put("rest", 4), 4);
    check(syncs(&a_2, &why));
    check_sum("staterest", 9);
    finish();
}

/* Its client asks, and goes, before the file has been read back. */
TEST(save_whose_client_goes_while_it_is_adopted)
{
    struct ring ring = { .out_cons = 100 };
    const char *why = NULL;

    start("file:", "save", NULL);
    output_ring_up(output, &ring);
    check(begins(&a_1, &why));
    check_int(put("state", 5), 5);
    reopen();
    check_int(output_position(output, &ring_page, &ring.out_cons),
              OUTPUT_ANSWER_LATER);
    check_int(output_save_sync(output, &a_2, 0, &sum, &why),
              OUTPUT_ANSWER_LATER);
    output_save_gone(output, 2);
    files_settle();
    check_int(output_position(output, &ring_page, &ring.out_cons),
              OUTPUT_ANSWER_OK);
    output_ring_up(output, &ring);
    check(loop_timer_is_set(&save_of(output)->claim));
    check(syncs(&a_1, &why));
    check_sum("state", 5);
    finish();
}

/* More than is read at a time. */
TEST(save_that_is_adopted_is_summed_up_whole)
{
    enum { SIZE = (5 << 20) + 4321 };
    char *bytes = malloc(SIZE);
    struct ring ring = { .out_cons = 100 };
    const char *why;

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    start("file:", "save", NULL);
    output_ring_up(output, &ring);
    check(begins(&a_1, &why));
    for (size_t at = 0; at < SIZE; ) {
        size_t n = SIZE - at < 2048 ? SIZE - at : 2048;

        check_int(put(bytes + at, n), n);
        at += n;
    }
    reopen();
    check_int(output_position(output, &ring_page, &ring.out_cons),
              OUTPUT_ANSWER_LATER);
    files_settle();
    check_int(output_position(output, &ring_page, &ring.out_cons),
              OUTPUT_ANSWER_OK);
    output_ring_up(output, &ring);
    check(syncs(&a_1, &why));
    check_sum(bytes, SIZE);
    free(bytes);
    finish();
}

TEST(save_to_a_file_that_was_replaced_meanwhile)
{
    struct ring ring = { .out_cons = 100 };
    const char *why = NULL;
    uint32_t at;
    uint64_t bytes;

    start("file:", "save", NULL);
    output_ring_up(output, &ring);
    check(save_begin(&why));
    put("state", 5);
    snprintf(spec, sizeof(spec), "%s.old", path);
    check(!rename(path, spec));
    close(open(path, O_CREAT | O_WRONLY, 0600));
    reopen();
    check(!position(&at));
    check(!save_sync(&bytes, &why));
    check_str(why, "it was replaced while xenconsoled did not run");
    unlink(spec);
    finish();
}

TEST(save_waits_for_what_is_in_the_ring)
{
    const char *why;
    uint64_t bytes;

    start("file:", "save", NULL);
    check(save_begin(&why));
    check_int(output_save_sync(output, &unnamed, 9, &sum, &why),
              OUTPUT_ANSWER_LATER);
    check_int(put("state", 5), 5);
    check_int(output_save_sync(output, &unnamed, 4, &sum, &why),
              OUTPUT_ANSWER_LATER);
    /* What the guest writes after sync is none of it. */
    check_int(put("rest, late", 10), 4);
    check(save_sync(&bytes, &why));
    check_int(bytes, 9);
    check_int(put(", late", 6), 6);
    check_int(file_size(), 9);
    finish();
}

/* libxl reads what is at the path, whoever made it. */
static void changed_before_sync(bool replaced)
{
    const char *why = NULL;

    start("file:", "save", NULL);
    check(begins(&a_1, &why));
    check_int(put("state", 5), 5);
    if (replaced)
        check(!unlink(path));
    else
        check(!truncate(path, 3));
    check(!syncs(&a_1, &why));
    check_str(why, "it was changed by somebody else");
    check(begins(&a_1, &why));
    check_int(put("state", 5), 5);
    check(syncs(&a_1, &why));
    check_sum("state", 5);
    finish();
}

TEST(save_to_a_file_that_is_removed_fails)
{
    changed_before_sync(true);
}

TEST(save_to_a_file_that_is_cut_fails)
{
    changed_before_sync(false);
}

TEST(save_ends_at_its_limit)
{
    static char bytes[2048];
    const char *why = NULL;

    start("file:", "save", NULL);
    disk_is_fast = true;
    check(begins(&a_1, &why));
    for (unsigned int at = 0; at < 256U << 20; at += sizeof(bytes))
        check_int(put(bytes, sizeof(bytes)), sizeof(bytes));
    check(syncs(&a_1, &why));
    check_int(sum.bytes, 256 << 20);
    check(begins(&a_1, &why));
    for (unsigned int at = 0; at < 256U << 20; at += sizeof(bytes))
        check_int(put(bytes, sizeof(bytes)), sizeof(bytes));
    check_int(put(bytes, 1), 1);
    check_int(file_size(), 256 << 20);
    check(!syncs(&a_1, &why));
    check_str(why, "the stream is longer than 256 MiB");
    finish();
}

/* It got longer while no daemon looked. */
TEST(save_beyond_its_limit_is_not_adopted)
{
    struct ring ring = { .out_cons = 100 };
    const char *why = NULL;

    start("file:", "save", NULL);
    output_ring_up(output, &ring);
    check(begins(&a_1, &why));
    check(!truncate(path, (256 << 20) + 1));
    reopen();
    check(!position(&ring.out_cons));
    output_ring_up(output, &ring);
    check_int(put("more", 4), 4);
    check_int(file_size(), (256 << 20) + 1);
    check(!syncs(&a_1, &why));
    check_str(why, "the stream is longer than 256 MiB");
    finish();
}

TEST(save_fails_when_the_guest_takes_bytes_back)
{
    const char *why;
    uint64_t bytes;

    start("file:", "save", NULL);
    check(save_begin(&why));
    check_int(put_once("state", 5), 0);
    files_settle();
    check_int(put_once("st", 2), 2);
    check(!save_sync(&bytes, &why));
    finish();
}

static void save_fails_by(int error, const char *text)
{
    const char *why = NULL;
    uint64_t bytes;

    start("file:", "save", NULL);
    check(save_begin(&why));
    put("good", 4);
    disk_error = error;
    /* QEMU is not held up by it. */
    for (int i = 0; i < 100; i++)
        check_int(put("lost", 4), 4);
    check(!save_sync(&bytes, &why));
    check_str(why, text);
    disk_error = 0;
    check(!save_sync(&bytes, &why));
    check(save_begin(&why));
    put("again", 5);
    check(save_sync(&bytes, &why));
    check_int(bytes, 5);
    finish();
}

TEST(save_without_space)
{
    save_fails_by(ENOSPC, "No space left on device");
}

TEST(save_on_a_broken_disk)
{
    save_fails_by(EIO, "Input/output error");
}

TEST(save_by_small_writes)
{
    const char *why;
    uint64_t bytes;

    start("file:", "save", NULL);
    check(save_begin(&why));
    disk_takes = 3;
    check_int(put("0123456789", 10), 10);
    check(save_sync(&bytes, &why));
    check_sum("0123456789", 10);
    check_int(file_size(), 10);
    finish();
}

TEST(save_to_what_is_no_file)
{
    const char *why = NULL;

    start("file:", "save", NULL);
    check(!mkdir(path, 0700));
    check(!save_begin(&why));
    check_str(why, "Is a directory");
    rmdir(path);
    check(!mkfifo(path, 0600));
    check(!save_begin(&why));
    unlink(path);
    check(!symlink("/tmp", path));
    check(!save_begin(&why));
    check_str(why, "Too many levels of symbolic links");
    unlink(path);
    check(!rmdir(dir));
    check(!save_begin(&why));
    check_str(why, "No such file or directory");
    check_int(put("lost", 4), 4);
    output_close(output);
}

TAP_MAIN()
