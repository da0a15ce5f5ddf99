/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The time is the server's, which says when it happened and not when we
 * heard of it; QEMU's "timestamp" is { seconds, microseconds } since 1970,
 * both -1 if it doesn't know (docs/interop/qmp-spec).
 */
#include "event.h"

#include "output.h"
#include "libxl/qmp/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The number that is this member of the timestamp; -1: none. */
static long long timestamp_part(const struct qmp_message *message,
                                const char *key)
{
    struct qmp_span span = { 0, message->len };

    if (!qmp_message_member(message, span, "timestamp", &span) ||
        !qmp_message_member(message, span, key, &span))
        return -1;
    return strtoll(qmp_span_text(message, span), NULL, 10);
}

static void time_text(const struct qmp_message *message, char *text_r,
                      size_t size)
{
    time_t seconds = (time_t)timestamp_part(message, "seconds");
    long long micro = timestamp_part(message, "microseconds");
    struct tm tm;

    if (seconds < 0 || micro < 0 || micro > 999999 ||
        !localtime_r(&seconds, &tm))
        snprintf(text_r, size, "--:--:--.---");
    else
        snprintf(text_r, size, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min,
                 tm.tm_sec, (int)(micro / 1000));
}

bool event_print(const char *name, const char *event, bool person)
{
    struct qmp_message message;
    char when[48], *line;
    const char *why;
    bool ok;

    if (!person ||
        !qmp_message_parse(&message, event, strlen(event), &why))
        return output_line(event);
    time_text(&message, when, sizeof(when));
    if (asprintf(&line, "%s  %s%s%.*s", when, name,
                 message.data.len ? "  " : "", (int)message.data.len,
                 qmp_span_text(&message, message.data)) < 0)
        return output_line(event);
    ok = output_line(line);
    free(line);
    return ok;
}
