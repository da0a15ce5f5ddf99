/* SPDX-License-Identifier: GPL-2.0-or-later */
#define FILE_SLOW_MS 50
#include "console/output/out_file.c"

#include "output_fixture.h"

static void ring_up(uint32_t out_cons)
{
    struct ring ring = { .out_cons = out_cons };

    output_ring_up(output, &ring);
}

/* The disk hangs as long as nobody runs the lanes. */
static void disk_is_slow(void)
{
    while (file_of(output)->state != FILE_LOSSY)
        loop_run_once(&loop, 10);
}

TEST(file_log)
{
    start("file:", NULL, NULL);
    check_int(put("abc", 3), 3);
    check_int(counters.delivered, 3);
    check_int(file_size(), 3);
    finish();
}

TEST(file_log_that_cannot_be_written)
{
    struct rlimit limit = { 2, 2 };

    start("file:", NULL, NULL);
    signal(SIGXFSZ, SIG_IGN);
    check(!setrlimit(RLIMIT_FSIZE, &limit));
    check_int(put("abc", 3), 3);
    check_int(counters.delivered, 2);
    check_int(counters.dropped, 1);
    finish();
}

TEST(file_has_bytes_before_the_ring_gives_them_up)
{
    start("file:", NULL, NULL);
    files_settle();
    check_int(put_once("abc", 3), 0);
    check(output_is_busy(output));
    check_int(output_buffered(output), 0);
    files_settle();
    check(!output_is_busy(output));
    check_int(file_size(), 3);
    /* More came meanwhile: only what the file has is taken. */
    check_int(put_once("abcde", 5), 3);
    check_int(put("de", 2), 2);
    check_int(file_size(), 5);
    finish();
}

/* The daemon was killed; the next one opens the file, and asks. */
static bool next_daemon(uint32_t *position_r)
{
    struct settings settings = { .kind = OUTPUT_FILE,
                                 .policy = POLICY_LOG };

    strcpy(settings.path, path);
    output = output_open(&host, &settings);
    return position(position_r);
}

static void ring_has(uint32_t out_cons, const char *bytes)
{
    ring_page.out_cons = ring_page.out_prod = out_cons;
    for (; *bytes; bytes++)
        ring_page.out[MASK_XENCONS_IDX(ring_page.out_prod++,
                                       ring_page.out)] = *bytes;
}

/* "abc" was taken out of the ring, "de" was in flight, and is in the file. */
static void killed_in_flight(void)
{
    start("file:", NULL, NULL);
    ring_up(0xfffffffe);
    check_int(put("abc", 3), 3);
    check_int(put_once("de", 2), 0);
    files_settle();
    ring_has(0, "cdefgh");
    ring_page.out_cons = 1;
}

static void somebody_appends(const char *text)
{
    int fd = open(path, O_WRONLY | O_APPEND);

    check_int(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

TEST(file_goes_on_where_a_killed_daemon_was)
{
    uint32_t at;

    killed_in_flight();
    check(next_daemon(&at));
    check_int(at, 3);
    /* Whatever the guest did to the counter. */
    ring_page.out_cons = 4711;
    check(next_daemon(&at));
    check_int(at, 3);
    ring_page.out_cons = 0;
    check(next_daemon(&at));
    check_int(at, 3);
    finish();
}

TEST(file_that_somebody_appended_to_goes_on_there)
{
    uint32_t at;

    killed_in_flight();
    somebody_appends("fx, and more than the ring has");
    check(next_daemon(&at));
    check_int(at, 4);
    ring_page.out_cons = 1;
    /* Nothing was in flight. */
    check(!truncate(path, 3));
    somebody_appends("line 120");
    check(next_daemon(&at));
    check_int(at, 1);
    finish();
}

TEST(file_that_was_truncated_goes_on_there)
{
    uint32_t at;

    killed_in_flight();
    check(!truncate(path, 0));
    check(next_daemon(&at));
    check_int(at, 1);
    finish();
}

TEST(file_that_was_moved_away_is_unknown)
{
    uint32_t at;

    killed_in_flight();
    snprintf(spec, sizeof(spec), "%s.old", path);
    check(!rename(path, spec));
    check(!next_daemon(&at));
    unlink(spec);
    finish();
}

TEST(file_that_does_not_answer_is_not_waited_for)
{
    struct settings settings = { .kind = OUTPUT_FILE,
                                 .policy = POLICY_LOG };
    uint32_t at;

    killed_in_flight();
    strcpy(settings.path, path);
    output = output_open(&host, &settings);
    check_int(output_position(output, &ring_page, &at),
              OUTPUT_ANSWER_LATER);
    while (!locations)
        loop_run_once(&loop, 10);
    check_int(output_position(output, &ring_page, &at),
              OUTPUT_ANSWER_ERROR);
    ring_up(1);
    check_int(put_once("defgh", 5), 5);
    check_int(output_buffered(output), 5);
    files_settle();
    /* Twice, rather than not at all. */
    check_int(file_size(), 10);
    check_int(locations, 1);
    check_int(put("ij", 2), 2);
    finish();
}

TEST(file_that_is_rotated_is_recorded_anew)
{
    static char block[2048];
    uint32_t at, n = 0;
    char old[80];

    start("file:", NULL, NULL);
    snprintf(old, sizeof(old), "%s.0", path);
    ring_up(0);
    while (access(old, F_OK)) {
        check_int(put(block, sizeof(block)), sizeof(block));
        n += sizeof(block);
    }
    check_int(n, (4 << 20) + sizeof(block));
    check_int(file_size(), 2048);
    ring_page.out_cons = ring_page.out_prod = n;
    check(next_daemon(&at));
    check_int(at, n);
    unlink(old);
    finish();
}

TEST(file_has_been_written_when_SIGHUP_comes)
{
    start("file:", NULL, NULL);
    files_settle();
    check_int(put_once("abc", 3), 0);
    output_reopen(output);
    files_settle();
    check_int(put("abc", 3), 3);
    check_int(counters.delivered, 3);
    check_int(counters.dropped, 0);
    finish();
}

TEST(file_on_a_slow_disk_does_not_stop_the_guest)
{
    static char block[2048];

    start("file:", NULL, NULL);
    files_settle();
    check_int(put_once("first", 5), 0);
    disk_is_slow();
    check_int(put_once("first, second", 13), 13);
    check_int(output_buffered(output), 13);
    for (int i = 0; i < 40; i++)
        check_int(put_once(block, sizeof(block)), sizeof(block));
    /* The newest are kept. */
    check_int(output_buffered(output), 5 + LOGGER_QUEUE_MAX);
    check_int(counters.dropped, 8 + 40 * 2048 - LOGGER_QUEUE_MAX);
    files_settle();
    check_int(output_buffered(output), 0);
    check_int(file_size(), 5 + LOGGER_QUEUE_MAX);
    check_int(counters.received, counters.delivered + counters.dropped);
    /* From here on exact again. */
    check_int(put_once("z", 1), 0);
    files_settle();
    check_int(put_once("z", 1), 1);
    finish();
}

TEST(file_that_is_slow_once_and_then_done)
{
    start("file:", NULL, NULL);
    files_settle();
    check_int(put_once("first", 5), 0);
    disk_is_slow();
    files_settle();
    check_int(put("first", 5), 5);
    check_int(put("second", 6), 6);
    check_int(file_size(), 11);
    check_int(counters.delivered, 11);
    finish();
}

TEST(file_gets_the_last_words)
{
    start("file:", NULL, NULL);
    files_settle();
    check_int(put_once("las", 3), 0);
    output_ring_ends(output);
    check_int(put_once("last words", 10), 10);
    output_ring_lost(output);
    files_settle();
    check_int(file_size(), 10);
    check_int(counters.delivered, 10);
    finish();
}

TEST(file_gets_the_last_words_after_it_is_closed)
{
    start("file:", NULL, NULL);
    check_int(put_once("last", 4), 0);
    output_ring_ends(output);
    check_int(put_once("last", 4), 4);
    output_ring_lost(output);
    output_close(output);
    files_settle();
    check_int(file_size(), 4);
    output = NULL;
    finish();
}

TEST(file_that_cannot_be_made_stops_nobody)
{
    start("file:", NULL, NULL);
    output_close(output);
    files_settle();
    unlink(path);
    check(!mkdir(path, 0700));
    for (int i = 0; i < 3; i++) {
        struct settings settings = { .kind = OUTPUT_FILE,
                                     .policy = POLICY_LOG };
        uint64_t dropped = counters.dropped;

        strcpy(settings.path, path);
        output = output_open(&host, &settings);
        check_int(put("lost", 4), 4);
        check_int(counters.dropped - dropped, 4);
        output_close(output);
        files_settle();
        /* A directory, a planted link, no folder. */
        if (i == 0)
            check(!rmdir(path) && !symlink("planted", path));
        else if (i == 1)        /* the folder is empty */
            check(!unlink(path) && !rmdir(dir));
    }
}

TEST(file_whose_folder_was_removed)
{
    start("file:", NULL, NULL);
    check_int(put("one", 3), 3);
    check(!unlink(path));
    record_remove(5, 3);
    check(!rmdir(dir));
    check_int(put("two", 3), 3);
    check_int(counters.dropped, 3);
    check(!mkdir(dir, 0700));
    check_int(put("three", 5), 5);
    check_int(file_size(), 5);
    check_int(counters.dropped, 3);
    finish();
}

TAP_MAIN()
