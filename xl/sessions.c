/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sessions.h"

#include "libxl/client/libxl_qmp.h"
#include "tools/common/log.h"
#include "metric.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* qmp-helper answers at once, but for a guest whose QEMU has yet to start:
 * a collector of metrics has no time to wait for all of those. */
#define ANSWER_LIMIT_MS 1000

/* By qmp-helper's name. */
struct count {
    const char *key, *column;
    struct metric metric;
};

static const struct count counts[SESSION_COUNTS_N] = {
    { "clients", "CLIENTS", { "xenqmp_qmp_clients", NULL,
      "Clients that are connected, xl-qmp stats included.", false } },
    { "commands", "COMMANDS", { "xenqmp_qmp_commands", NULL,
      "Commands of all clients for QEMU.", true } },
    { "errors", "ERRORS", { "xenqmp_qmp_errors", NULL,
      "Commands that QEMU answered with an error.", true } },
    { "failures", "FAILURES", { "xenqmp_qmp_failures", NULL,
      "Commands that got an error of the worker's in place of an answer.", true } },
    { "events", "EVENTS", { "xenqmp_qmp_events", NULL,
      "Events of QEMU.", true } },
    { "events-lost", "LOST", { "xenqmp_qmp_lost_events", NULL,
      "Events that clients did not read in time.", true } },
    { "sessions", "SESSIONS", { "xenqmp_qmp_sessions", NULL,
      "Sessions with QEMU: each loss makes one more.", true } },
    { "refused", "REFUSED", { "xenqmp_qmp_refused_clients", NULL,
      "Clients that were refused as there were too many.", true } },
};

static const struct count display_counts[DISPLAY_COUNTS_N] = {
    { "viewers", "VIEWERS", { "xenqmp_display_viewers", NULL,
      "Viewers that look at the display.", false } },
    { "viewers-looked", "LOOKED", { "xenqmp_display_connections", NULL,
      "Viewers that have begun to look.", true } },
    { "viewers-refused", "REFUSED", { "xenqmp_display_refused_viewers", NULL,
      "Viewers that were refused: a wrong password, no RFB or no TLS.", true } },
    { "bytes-to-viewers", "TO-VIEWERS", { "xenqmp_display_sent_bytes",
      "bytes", "Bytes of QEMU's that viewers got.", true } },
    { "bytes-from-viewers", "FROM-VIEWERS",
      { "xenqmp_display_received_bytes", "bytes",
      "Bytes of viewers' for QEMU.", true } },
};

static const struct metric up_metric = {
    "xenqmp_qmp_up", NULL,
    "1 if qmp-helper answers and has a session with QEMU.", false,
};

void sessions_dispose(struct sessions *sessions)
{
    for (size_t i = 0; i < sessions->n; i++)
        free(sessions->session[i].domain);
    free(sessions->session);
}

/* What qmp-helper sends is valid JSON, or the library would not have it;
 * what it says can only be wrong about itself. */
static void counts_parse(const struct count *count, size_t n,
                         const char *json, uint64_t *r)
{
    char key[32];

    for (size_t i = 0; i < n; i++) {
        const char *at;

        snprintf(key, sizeof(key), "\"%s\": ", count[i].key);
        at = strstr(json, key);
        r[i] = at ? strtoull(at + strlen(key), NULL, 10) : 0;
    }
}

static void session_parse(struct session *s, const char *json)
{
    s->answers = true;
    s->up = strstr(json, "\"up\": true") != NULL;
    s->display = strstr(json, "\"display\": {") != NULL;
    counts_parse(counts, SESSION_COUNTS_N, json, s->count);
    counts_parse(display_counts, DISPLAY_COUNTS_N, json, s->display_count);
}

const struct session *
sessions_ask(struct sessions *sessions, struct host *host,
             const struct options *options, uint32_t domid)
{
    int ms = options->timeout_ms < ANSWER_LIMIT_MS ? options->timeout_ms :
             ANSWER_LIMIT_MS;
    struct session *grown, *s;
    struct xlqmp_error error;
    char *json = NULL;
    xlqmp_ctx *ctx;

    grown = realloc(sessions->session, (sessions->n + 1) * sizeof(*grown));
    if (!grown) {
        sessions->no_memory = true;
        return NULL;
    }
    sessions->session = grown;
    s = &grown[sessions->n++];
    *s = (struct session){ .domid = domid };
    s->domain = host_domain_name(host, domid);
    /* Others' choice; OpenMetrics is UTF-8. */
    if (s->domain)
        log_sanitise(s->domain, strlen(s->domain));
    if (xlqmp_open_domain(options->logger, domid, ms, &ctx, &error))
        return s;
    if (!xlqmp_command(ctx, "__xenqmp_query-stats", NULL, ms, &json,
                       &error))
        session_parse(s, json);
    free(json);
    xlqmp_close(ctx);
    return s;
}

static const char *name_of(const struct session *s)
{
    return s->domain ? s->domain : "-";
}

static void displays_table(struct qmp_buf *text,
                           const struct sessions *sessions, int width)
{
    bool any = false;

    for (size_t i = 0; i < sessions->n; i++) {
        const struct session *s = &sessions->session[i];

        if (s->display && !any) {
            any = true;
            qmp_buf_printf(text, "\n%5s  %-*s", "ID", width, "DOMAIN");
            for (size_t c = 0; c < DISPLAY_COUNTS_N; c++)
                qmp_buf_printf(text, "  %12s", display_counts[c].column);
            qmp_buf_printf(text, "\n");
        }
        if (!s->display)
            continue;
        qmp_buf_printf(text, "%5" PRIu32 "  %-*s", s->domid, width,
                       name_of(s));
        for (size_t c = 0; c < DISPLAY_COUNTS_N; c++)
            qmp_buf_printf(text, "  %12" PRIu64, s->display_count[c]);
        qmp_buf_printf(text, "\n");
    }
}

void sessions_table(struct qmp_buf *text, const struct sessions *sessions)
{
    int width = 6;

    for (size_t i = 0; i < sessions->n; i++) {
        int n = (int)strlen(name_of(&sessions->session[i]));

        width = n > width ? n : width;
    }
    qmp_buf_printf(text, "%5s  %-*s  %-6s", "ID", width, "DOMAIN", "QMP");
    for (size_t c = 0; c < SESSION_COUNTS_N; c++)
        qmp_buf_printf(text, "  %9s", counts[c].column);
    qmp_buf_printf(text, "\n");
    for (size_t i = 0; i < sessions->n; i++) {
        const struct session *s = &sessions->session[i];

        qmp_buf_printf(text, "%5" PRIu32 "  %-*s  %-6s", s->domid, width,
                       name_of(s), !s->answers ? "silent" :
                       s->up ? "up" : "down");
        for (size_t c = 0; c < SESSION_COUNTS_N; c++)
            qmp_buf_printf(text, "  %9" PRIu64, s->count[c]);
        qmp_buf_printf(text, "\n");
    }
    displays_table(text, sessions, width);
}

void sessions_metrics(struct qmp_buf *text, const struct sessions *sessions)
{
    metric_head(text, &up_metric);
    for (size_t i = 0; i < sessions->n; i++) {
        const struct session *s = &sessions->session[i];

        metric_sample(text, &up_metric, s->domid, s->domain, "",
                      s->answers && s->up);
    }
    for (size_t c = 0; c < SESSION_COUNTS_N; c++) {
        metric_head(text, &counts[c].metric);
        for (size_t i = 0; i < sessions->n; i++) {
            const struct session *s = &sessions->session[i];

            if (s->answers)
                metric_sample(text, &counts[c].metric, s->domid, s->domain,
                              "", s->count[c]);
        }
    }
    for (size_t c = 0; c < DISPLAY_COUNTS_N; c++) {
        metric_head(text, &display_counts[c].metric);
        for (size_t i = 0; i < sessions->n; i++) {
            const struct session *s = &sessions->session[i];

            if (s->display)
                metric_sample(text, &display_counts[c].metric, s->domid,
                              s->domain, "", s->display_count[c]);
        }
    }
}
