/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long things took, any number of them in fixed memory: exact counts in
 * ranges each at most 1/32 wider than the last.
 */
#ifndef XENQMP_XL_LATENCY_H
#define XENQMP_XL_LATENCY_H

#include <stdint.h>

#define LATENCY_STEPS 32                /* per doubling */
#define LATENCY_RANGES (LATENCY_STEPS * 40)

/* Zero-initialised. Microseconds; what is longer than 2^40 of them (12
 * days) counts as that. */
struct latency {
    /* readable */
    uint64_t n, max;
    /* private */
    uint64_t range[LATENCY_RANGES];
};

void latency_add(struct latency *latency, uint64_t us);

/* What so many percent did not exceed, at most 1/32 too high; 0 if there
 * was nothing. */
uint64_t latency_percentile(const struct latency *latency,
                            unsigned int percent);

#endif
