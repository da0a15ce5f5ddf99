/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxlqmp's log lines: to the caller's xentoollog logger, context "xlqmp".
 */
#ifndef XENQMP_LIBXL_CLIENT_LOG_H
#define XENQMP_LIBXL_CLIENT_LOG_H

#include <stdint.h>

#include <xentoollog.h>

/* logger NULL: nowhere. */
void xlqmp_log(xentoollog_logger *logger, xentoollog_level level,
               const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The server may cause this many lines, then one each interval: enough to
 * tell a story, too few to fill a disk. */
#define XLQMP_LOG_PEER_BURST       10
#define XLQMP_LOG_PEER_INTERVAL_MS 10000

/* Zero-initialised. */
struct xlqmp_log_limit {
    unsigned int lines, held_back;
    int64_t last_ms;
};

/* A line of level XTL_WARN that the server can cause. text is a constant or
 * made printable by the caller. */
void xlqmp_log_peer(xentoollog_logger *logger,
                    struct xlqmp_log_limit *limit, int64_t now_ms,
                    const char *text, const char *detail);

#endif
