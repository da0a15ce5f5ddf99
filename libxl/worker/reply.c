/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reply.h"

#include <time.h>

#include "libxl/qmp/json.h"

/* All but the id: enough for any of our descriptions. */
#define REPLY_MAX 16384

static int reply_end(struct qmp_buf *line, const char *id, size_t n)
{
    if (n && (qmp_buf_printf(line, ", \"id\": ") ||
              qmp_buf_append(line, id, n)))
        return -1;
    return qmp_buf_printf(line, "}\r\n");
}

int reply_return(struct qmp_buf *buf, const char *json, const char *id,
                 size_t n)
{
    struct qmp_buf line;
    int r = -1;

    qmp_buf_init(&line, REPLY_MAX + n);
    if (!qmp_buf_printf(&line, "{\"return\": %s", json) &&
        !reply_end(&line, id, n))
        r = qmp_buf_append(buf, line.data, line.len);
    qmp_buf_dispose(&line);
    return r;
}

int reply_error(struct qmp_buf *buf, const char *class, const char *desc,
                const char *id, size_t n)
{
    struct qmp_buf line;
    int r = -1;

    qmp_buf_init(&line, REPLY_MAX + n);
    if (!qmp_buf_printf(&line, "{\"error\": {\"class\": \"%s\", "
                        "\"desc\": ", class) &&
        !qmp_json_append_string(&line, desc) &&
        !qmp_buf_printf(&line, "}") &&
        !reply_end(&line, id, n))
        r = qmp_buf_append(buf, line.data, line.len);
    qmp_buf_dispose(&line);
    return r;
}

int reply_events_lost(struct qmp_buf *buf, unsigned int count)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return qmp_buf_printf(buf, "{\"timestamp\": {\"seconds\": %lld, "
                          "\"microseconds\": %ld}, "
                          "\"event\": \"__XENQMP_EVENTS_LOST\", "
                          "\"data\": {\"count\": %u}}\r\n",
                          (long long)now.tv_sec, now.tv_nsec / 1000,
                          count);
}
