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
static const struct {
    const char *key, *column;
    struct metric metric;
} counts[SESSION_COUNTS_N] = {
    { "clients", "CLIENTS", { "xenqmp_qmp_clients", NULL,
      "Clients that are connected, xl-qmp stats included.", false } },
    { "commands", "COMMANDS", { "xenqmp_qmp_commands", NULL,
      "Commands of all clients for QEMU.", true } },
    { "errors", "ERRORS", { "xenqmp_qmp_errors", NULL,
      "Commands that QEMU answered with an error.", true } },
    { "failures", "FAILURES", { "xenqmp_qmp_failures", NULL,
      "Commands that QEMU did not answer in time.", true } },
    { "events", "EVENTS", { "xenqmp_qmp_events", NULL,
      "Events of QEMU.", true } },
    { "events-lost", "LOST", { "xenqmp_qmp_lost_events", NULL,
      "Events that clients did not read in time.", true } },
    { "sessions", "SESSIONS", { "xenqmp_qmp_sessions", NULL,
      "Sessions with QEMU: each loss makes one more.", true } },
    { "refused", "REFUSED", { "xenqmp_qmp_refused_clients", NULL,
      "Clients that were refused as there were too many.", true } },
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
static void session_parse(struct session *s, const char *json)
{
    char key[32];

    s->answers = true;
    s->up = strstr(json, "\"up\": true") != NULL;
    for (size_t i = 0; i < SESSION_COUNTS_N; i++) {
        const char *at;

        snprintf(key, sizeof(key), "\"%s\": ", counts[i].key);
        at = strstr(json, key);
        s->count[i] = at ? strtoull(at + strlen(key), NULL, 10) : 0;
    }
}

void sessions_ask(struct sessions *sessions, struct host *host,
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
        return;
    }
    sessions->session = grown;
    s = &grown[sessions->n++];
    *s = (struct session){ .domid = domid };
    s->domain = host_domain_name(host, domid);
    /* Others' choice; OpenMetrics is UTF-8. */
    if (s->domain)
        log_sanitise(s->domain, strlen(s->domain));
    if (xlqmp_open_domain(options->logger, domid, ms, &ctx, &error))
        return;
    if (!xlqmp_command(ctx, "__xenqmp_query-stats", NULL, ms, &json,
                       &error))
        session_parse(s, json);
    free(json);
    xlqmp_close(ctx);
}

void sessions_table(struct qmp_buf *text, const struct sessions *sessions)
{
    int width = 6;

    for (size_t i = 0; i < sessions->n; i++)
        if (sessions->session[i].domain &&
            (int)strlen(sessions->session[i].domain) > width)
            width = (int)strlen(sessions->session[i].domain);
    qmp_buf_printf(text, "%5s  %-*s  %-6s", "ID", width, "DOMAIN", "QMP");
    for (size_t c = 0; c < SESSION_COUNTS_N; c++)
        qmp_buf_printf(text, "  %9s", counts[c].column);
    qmp_buf_printf(text, "\n");
    for (size_t i = 0; i < sessions->n; i++) {
        const struct session *s = &sessions->session[i];

        qmp_buf_printf(text, "%5" PRIu32 "  %-*s  %-6s", s->domid, width,
                       s->domain ? s->domain : "-", !s->answers ? "silent" :
                       s->up ? "up" : "down");
        for (size_t c = 0; c < SESSION_COUNTS_N; c++)
            qmp_buf_printf(text, "  %9" PRIu64, s->count[c]);
        qmp_buf_printf(text, "\n");
    }
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
}
