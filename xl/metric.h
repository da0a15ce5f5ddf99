/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OpenMetrics text. Only the types that Prometheus's older text format has
 * too are used, so that node_exporter's textfile collector takes it.
 */
#ifndef XENQMP_XL_METRIC_H
#define XENQMP_XL_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "libxl/qmp/buf.h"

struct metric {
    const char *name;
    const char *unit;           /* as the name ends, or NULL */
    const char *help;
    bool is_counter;            /* else it goes up and down */
};

/* Its head; its samples follow. */
void metric_head(struct qmp_buf *text, const struct metric *metric);
/* domain: its name, or NULL. more: further labels, each with a comma
 * before it. */
void metric_sample(struct qmp_buf *text, const struct metric *metric,
                   uint32_t domid, const char *domain, const char *more,
                   uint64_t value);
/* Behind the last one. */
void metric_end(struct qmp_buf *text);

#endif
