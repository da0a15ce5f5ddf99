/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output_fixture.h"

TEST(save_is_gated)
{
    const char *why = NULL;
    uint64_t bytes;

    start("file:", "save", NULL);
    check_int(put("early", 5), 5);
    check_int(counters.dropped, 5);
    check_int(file_size(), -1);
    check(!output_save_sync(output, &bytes, &why));
    check_str(why, "no save has begun");

    check(output_save_begin(output, &why));
    check_int(file_size(), 0);
    check_int(put("state", 5), 5);
    check_int(put("more", 4), 4);
    check(output_save_sync(output, &bytes, &why));
    check_int(bytes, 9);
    check_int(file_size(), 9);

    check_int(put("late", 4), 4);
    check_int(file_size(), 9);
    check_int(counters.dropped, 9);
    check(!output_save_sync(output, &bytes, &why));
    finish();
}

TEST(save_again_makes_the_file_anew)
{
    const char *why;
    uint64_t bytes;

    start("file:", "save", NULL);
    check(output_save_begin(output, &why));
    put("first, and longer", 17);
    check(output_save_begin(output, &why));
    put("second", 6);
    check(output_save_sync(output, &bytes, &why));
    check_int(bytes, 6);
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
    check(output_save_begin(output, &why));
    check_int(put("abcdef", 6), 6);
    /* Room again: still no holes in the file. */
    limit.rlim_cur = RLIM_INFINITY;
    check(!setrlimit(RLIMIT_FSIZE, &limit));
    check_int(put("ghi", 3), 3);
    check_int(counters.delivered, 4);
    check_int(counters.dropped, 5);
    check(!output_save_sync(output, &bytes, &why));
    check_str(why, "File too large");
    /* The next one starts with a clean slate. */
    check(output_save_begin(output, &why));
    put("ok", 2);
    check(output_save_sync(output, &bytes, &why));
    check_int(bytes, 2);
    finish();
}

TEST(save_does_not_follow_links)
{
    const char *why = NULL;

    start("file:", "save", NULL);
    check(!symlink("/tmp/nowhere", path));
    check(!output_save_begin(output, &why));
    check(why);
    finish();
}

TEST(save_fails_when_the_ring_goes)
{
    const char *why = NULL;
    uint64_t bytes;

    start("file:", "save", NULL);
    check(output_save_begin(output, &why));
    put("ab", 2);
    output_ring_lost(output);
    put("cd", 2);
    check(!output_save_sync(output, &bytes, &why));
    check(why);
    finish();
}

TAP_MAIN()
