/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ranges: one for each number below LATENCY_STEPS, then LATENCY_STEPS
 * for each doubling, which are told apart by the 5 bits behind the first.
 */
#include "latency.h"

#include <assert.h>

#define STEP_BITS 5

static_assert(1 << STEP_BITS == LATENCY_STEPS, "they are one number");

static unsigned int range_of(uint64_t us)
{
    unsigned int shift = 0, range;

    while (us >> shift >= 2 * LATENCY_STEPS)
        shift++;
    range = shift * LATENCY_STEPS + (unsigned int)(us >> shift);
    return range < LATENCY_RANGES ? range : LATENCY_RANGES - 1;
}

/* The highest number in it. */
static uint64_t range_end(unsigned int range)
{
    unsigned int shift = range < 2 * LATENCY_STEPS ? 0 :
                         range / LATENCY_STEPS - 1;

    return ((uint64_t)(range - shift * LATENCY_STEPS + 1) << shift) - 1;
}

void latency_add(struct latency *latency, uint64_t us)
{
    latency->n++;
    latency->range[range_of(us)]++;
    if (us > latency->max)
        latency->max = us;
}

uint64_t latency_percentile(const struct latency *latency,
                            unsigned int percent)
{
    uint64_t rank = latency->n / 100 * percent +
                    (latency->n % 100 * percent + 99) / 100, seen = 0;

    for (unsigned int i = 0; i < LATENCY_RANGES && rank; i++) {
        seen += latency->range[i];
        if (seen >= rank)
            return range_end(i) < latency->max ? range_end(i) :
                                                 latency->max;
    }
    return latency->max;
}
