/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp stats: how many bytes went where, per console, as a table or as
 * OpenMetrics text. Only the types that Prometheus's older text format has
 * too are used, so that node_exporter's textfile collector takes it.
 */
#include "listing.h"
#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The counts, as the daemon names them. */
static const struct count {
    const char *key, *help;
    bool is_counter;            /* else it goes up and down */
} counts[] = {
    { "written", "Bytes that the guest has written.", true },
    { "delivered", "Bytes of the guest that its reader or file has.", true },
    { "dropped", "Bytes of the guest that nobody will get.", true },
    { "buffered", "Bytes of the guest that xenconsoled holds.", false },
    { "ring", "Bytes of the guest that are still in the ring.", false },
    { "sent", "Bytes put into the guest's ring.", true },
};
#define COUNTS_N (sizeof(counts) / sizeof(counts[0]))

struct stat_row {
    uint32_t domid;
    unsigned int console;
    char state[16];
    uint64_t count[COUNTS_N];
    char *domain;               /* NULL: unknown */
};

struct stats {
    struct stat_row *row;
    size_t n;
    bool no_memory;
};

static void row_field(struct stat_row *row, const char *word)
{
    size_t n = strcspn(word, "=");
    const char *value = word[n] ? word + n + 1 : "";

    if (n == 5 && !strncmp(word, "domid", n))
        row->domid = (uint32_t)strtoul(value, NULL, 10);
    else if (n == 7 && !strncmp(word, "console", n))
        row->console = (unsigned int)strtoul(value, NULL, 10);
    else if (n == 5 && !strncmp(word, "state", n))
        snprintf(row->state, sizeof(row->state), "%s", value);
    for (size_t i = 0; i < COUNTS_N; i++)
        if (n == strlen(counts[i].key) && !strncmp(word, counts[i].key, n))
            row->count[i] = strtoull(value, NULL, 10);
}

static void stats_add(char *line, void *data)
{
    struct stats *stats = data;
    struct stat_row *grown;
    char *rest;

    grown = realloc(stats->row, (stats->n + 1) * sizeof(*grown));
    if (!grown) {
        stats->no_memory = true;
        return;
    }
    stats->row = grown;
    grown[stats->n] = (struct stat_row){ .state = "" };
    for (char *word = strtok_r(line, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest))
        row_field(&grown[stats->n], word);
    stats->n++;
}

static void stats_dispose(struct stats *stats)
{
    for (size_t i = 0; i < stats->n; i++)
        free(stats->row[i].domain);
    free(stats->row);
}

static void stats_name(struct stats *stats, struct host *host)
{
    for (size_t i = 0; i < stats->n; i++) {
        struct stat_row *row = &stats->row[i];

        row->domain = host_domain_name(host, row->domid);
        /* Others' choice; OpenMetrics is UTF-8. */
        if (row->domain)
            log_sanitise(row->domain, strlen(row->domain));
    }
}

static void table(struct qmp_buf *text, const struct stats *stats)
{
    int width = 6;

    for (size_t i = 0; i < stats->n; i++)
        if (stats->row[i].domain &&
            (int)strlen(stats->row[i].domain) > width)
            width = (int)strlen(stats->row[i].domain);
    qmp_buf_printf(text, "%5s  %-*s  CONSOLE  %-8s", "ID", width, "DOMAIN",
                   "STATE");
    for (size_t c = 0; c < COUNTS_N; c++) {
        char head[16];

        snprintf(head, sizeof(head), "%s", counts[c].key);
        for (char *p = head; *p; p++)
            *p = (char)(*p - 'a' + 'A');
        qmp_buf_printf(text, "  %12s", head);
    }
    qmp_buf_printf(text, "\n");
    for (size_t i = 0; i < stats->n; i++) {
        const struct stat_row *row = &stats->row[i];

        qmp_buf_printf(text, "%5" PRIu32 "  %-*s  %7u  %-8s", row->domid,
                       width, row->domain ? row->domain : "-",
                       row->console, row->state);
        for (size_t c = 0; c < COUNTS_N; c++)
            qmp_buf_printf(text, "  %12" PRIu64, row->count[c]);
        qmp_buf_printf(text, "\n");
    }
}

static void labels(struct qmp_buf *text, const struct stat_row *row)
{
    qmp_buf_printf(text, "{domid=\"%" PRIu32 "\",name=\"", row->domid);
    for (const char *p = row->domain ? row->domain : ""; *p; p++)
        qmp_buf_printf(text, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
    qmp_buf_printf(text, "\",console=\"%u\"}", row->console);
}

static void openmetrics(struct qmp_buf *text, const struct stats *stats)
{
    for (size_t c = 0; c < COUNTS_N; c++) {
        char name[64];

        snprintf(name, sizeof(name), "xenqmp_console_%s_bytes",
                 counts[c].key);
        qmp_buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n"
                       "# UNIT %s bytes\n", name, counts[c].help, name,
                       counts[c].is_counter ? "counter" : "gauge", name);
        for (size_t i = 0; i < stats->n; i++) {
            qmp_buf_printf(text, "%s%s", name,
                           counts[c].is_counter ? "_total" : "");
            labels(text, &stats->row[i]);
            qmp_buf_printf(text, " %" PRIu64 "\n", stats->row[i].count[c]);
        }
    }
    qmp_buf_printf(text, "# HELP xenqmp_console_serving 1 if the console "
                   "is connected and served.\n"
                   "# TYPE xenqmp_console_serving gauge\n");
    for (size_t i = 0; i < stats->n; i++) {
        qmp_buf_printf(text, "xenqmp_console_serving");
        labels(text, &stats->row[i]);
        qmp_buf_printf(text, " %d\n",
                       !strcmp(stats->row[i].state, "serving"));
    }
    qmp_buf_printf(text, "# EOF\n");
}

static bool stats_write(struct qmp_buf *text, void *data, bool metrics,
                        struct host *host)
{
    struct stats *stats = data;

    stats_name(stats, host);
    (metrics ? openmetrics : table)(text, stats);
    return !stats->no_memory;
}

int cmd_stats(const struct options *options, int argc, char **argv)
{
    static const struct listing listing = {
        .name = "stats", .request = "stats", .option = "--openmetrics",
        .add = stats_add, .write = stats_write,
    };
    struct stats stats = { .n = 0 };
    int rc = listing_command(&listing, options, argc, argv, &stats);

    stats_dispose(&stats);
    return rc;
}
