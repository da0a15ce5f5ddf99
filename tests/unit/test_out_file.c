/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output_fixture.h"

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

TAP_MAIN()
