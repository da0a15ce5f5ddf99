/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output_fixture.h"

TEST(null_drops)
{
    start("null", NULL, NULL);
    check_int(put("abc", 3), 3);
    check_int(counters.dropped, 3);
    finish();
}

TAP_MAIN()
