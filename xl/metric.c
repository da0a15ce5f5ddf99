/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "metric.h"

#include <inttypes.h>

void metric_head(struct qmp_buf *text, const struct metric *metric)
{
    qmp_buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n", metric->name,
                   metric->help, metric->name,
                   metric->is_counter ? "counter" : "gauge");
    if (metric->unit)
        qmp_buf_printf(text, "# UNIT %s %s\n", metric->name, metric->unit);
}

void metric_sample(struct qmp_buf *text, const struct metric *metric,
                   uint32_t domid, const char *domain, const char *more,
                   uint64_t value)
{
    qmp_buf_printf(text, "%s%s{domid=\"%" PRIu32 "\",name=\"",
                   metric->name, metric->is_counter ? "_total" : "", domid);
    for (const char *p = domain ? domain : ""; *p; p++)
        qmp_buf_printf(text, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
    qmp_buf_printf(text, "\"%s} %" PRIu64 "\n", more, value);
}

void metric_end(struct qmp_buf *text)
{
    qmp_buf_printf(text, "# EOF\n");
}
