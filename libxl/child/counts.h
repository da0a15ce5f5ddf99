/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the display worker has counted, in memory that it shares with its
 * parent and the QMP worker, who answers with it (__xenqmp_query-stats). Who
 * reads believes nothing of it but that they are numbers.
 */
#ifndef XENQMP_LIBXL_CHILD_COUNTS_H
#define XENQMP_LIBXL_CHILD_COUNTS_H

#include <stdint.h>

struct display_counts {
    uint64_t viewers;           /* who look now */
    uint64_t looked;            /* who have begun to */
    uint64_t refused;           /* for what they said, TLS included */
    uint64_t to_viewers;        /* bytes of QEMU's that they have */
    uint64_t from_viewers;      /* bytes of theirs for QEMU */
};

#endif
