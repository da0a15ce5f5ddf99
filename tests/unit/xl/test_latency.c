/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/latency.c. */
#include "xl/latency.h"

#include "tap.h"

static struct latency latency;

/* As exact as promised. */
static void check_about(uint64_t is, uint64_t ought)
{
    if (is < ought || is > ought + ought / LATENCY_STEPS)
        tap_fail("%llu is not about %llu", (unsigned long long)is,
                 (unsigned long long)ought);
}

TEST(nothing_took_no_time)
{
    check_int(latency_percentile(&latency, 50), 0);
    check_int(latency.max, 0);
}

TEST(percentiles_of_small_numbers_are_exact)
{
    for (uint64_t i = 1; i <= 60; i++)
        latency_add(&latency, i);
    check_int(latency_percentile(&latency, 50), 30);
    check_int(latency_percentile(&latency, 99), 60);
    check_int(latency_percentile(&latency, 100), 60);
    check_int(latency_percentile(&latency, 1), 1);
    check_int(latency.n, 60);
}

TEST(percentiles_of_large_ones_are_near)
{
    for (uint64_t scale = 1; scale < 1ull << 25; scale *= 3) {
        memset(&latency, 0, sizeof(latency));
        for (uint64_t i = 1; i <= 1000; i++)
            latency_add(&latency, i * scale);
        check_about(latency_percentile(&latency, 50), 500 * scale);
        check_about(latency_percentile(&latency, 99), 990 * scale);
        check_int(latency_percentile(&latency, 100), 1000 * scale);
    }
}

TEST(what_takes_for_ever_counts)
{
    latency_add(&latency, UINT64_MAX);
    check(latency_percentile(&latency, 50) >= 1ull << 40);
    check(latency.max == UINT64_MAX);
}

TAP_MAIN()
