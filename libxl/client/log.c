/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log.h"

void xlqmp_log(xentoollog_logger *logger, xentoollog_level level,
               const char *fmt, ...)
{
    va_list ap;

    if (!logger)
        return;
    va_start(ap, fmt);
    xtl_logv(logger, level, -1, "xlqmp", fmt, ap);
    va_end(ap);
}

void xlqmp_log_peer(xentoollog_logger *logger,
                    struct xlqmp_log_limit *limit, int64_t now_ms,
                    const char *text, const char *detail)
{
    if (limit->lines >= XLQMP_LOG_PEER_BURST &&
        now_ms - limit->last_ms < XLQMP_LOG_PEER_INTERVAL_MS) {
        limit->held_back++;
        return;
    }
    if (limit->lines < XLQMP_LOG_PEER_BURST)
        limit->lines++;
    limit->last_ms = now_ms;
    if (limit->held_back)
        xlqmp_log(logger, XTL_WARN, "%s%s%s (%u lines held back)", text,
                  *detail ? ": " : "", detail, limit->held_back);
    else
        xlqmp_log(logger, XTL_WARN, "%s%s%s", text, *detail ? ": " : "",
                  detail);
    limit->held_back = 0;
}
