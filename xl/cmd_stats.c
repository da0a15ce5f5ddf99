/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp stats: how many bytes went where, per console, and what the QMP
 * sessions of guests did, as tables or as OpenMetrics text.
 */
#include "listing.h"
#include "tools/common/log.h"
#include "metric.h"
#include "sessions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A stubdomain's. */
#define QMP_CONSOLE 3

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
    const struct options *options;
    struct host *host;
    struct sessions sessions;
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
    sessions_dispose(&stats->sessions);
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

static void openmetrics(struct qmp_buf *text, const struct stats *stats)
{
    static const struct metric serving = {
        "xenqmp_console_serving", NULL,
        "1 if the console is connected and served.", false,
    };

    for (size_t c = 0; c <= COUNTS_N; c++) {
        char name[64];
        struct metric metric = serving;

        if (c < COUNTS_N) {
            snprintf(name, sizeof(name), "xenqmp_console_%s_bytes",
                     counts[c].key);
            metric = (struct metric){ name, "bytes", counts[c].help,
                                      counts[c].is_counter };
        }
        metric_head(text, &metric);
        for (size_t i = 0; i < stats->n; i++) {
            const struct stat_row *row = &stats->row[i];
            char console[32];

            snprintf(console, sizeof(console), ",console=\"%u\"",
                     row->console);
            metric_sample(text, &metric, row->domid, row->domain, console,
                          c < COUNTS_N ? row->count[c] :
                          !strcmp(row->state, "serving"));
        }
    }
}

/* Whether this domain is a stubdomain of xenqmp's. */
static bool has_qmp(const struct stats *stats, uint32_t domid)
{
    for (size_t i = 0; i < stats->n; i++)
        if (stats->row[i].domid == domid &&
            stats->row[i].console == QMP_CONSOLE)
            return true;
    return false;
}

static void ask_guest(uint32_t domid, void *data)
{
    struct stats *stats = data;
    uint32_t stubdom;

    /* Others' sockets are not ours to connect to: QEMU in dom0, and the
     * vchan proxy, serve one client at a time. */
    if (host_stubdom(stats->host, domid, &stubdom) &&
        has_qmp(stats, stubdom))
        sessions_ask(&stats->sessions, stats->host, stats->options, domid);
}

static bool stats_write(struct qmp_buf *text, void *data, bool metrics,
                        struct host *host)
{
    struct stats *stats = data;

    stats->host = host;
    stats_name(stats, host);
    host_domains(host, ask_guest, stats);
    if (metrics) {
        openmetrics(text, stats);
        sessions_metrics(text, &stats->sessions);
        metric_end(text);
    } else {
        table(text, stats);
        if (stats->sessions.n) {
            qmp_buf_printf(text, "\n");
            sessions_table(text, &stats->sessions);
        }
    }
    return !stats->no_memory && !stats->sessions.no_memory;
}

int cmd_stats(const struct options *options, int argc, char **argv)
{
    static const struct listing listing = {
        .name = "stats", .request = "stats", .option = "--openmetrics",
        .add = stats_add, .write = stats_write,
    };
    struct stats stats = { .options = options };
    int rc = listing_command(&listing, options, argc, argv, &stats);

    stats_dispose(&stats);
    return rc;
}
