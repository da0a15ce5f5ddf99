/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session of libxlqmp in the test's hands: what it is fed, what it wants
 * to send, what callbacks were told. The time stands still until tick().
 */
#ifndef XENQMP_TESTS_UNIT_SESSION_FIXTURE_H
#define XENQMP_TESTS_UNIT_SESSION_FIXTURE_H

#include "libxl/client/session.h"

#include "fake_qmp.h"
#include "tap.h"

static struct xlqmp_session session;
static int64_t now = 1000;

/* What a callback was told, and how often. */
struct seen {
    int calls;
    struct xlqmp_error error;
    char json[256];
};

static int events;
static char event_text[256];

static inline void on_event(xlqmp_ctx *ctx,
                            const struct qmp_message *message)
{
    (void)ctx;
    events++;
    snprintf(event_text, sizeof(event_text), "%.*s", (int)message->len,
             message->text);
}

static inline void on_reply(xlqmp_ctx *ctx, int rc, const char *json,
                            const struct xlqmp_error *error, void *user)
{
    struct seen *seen = user;

    (void)ctx;
    check_int(rc, error->rc);
    seen->calls++;
    seen->error = *error;
    snprintf(seen->json, sizeof(seen->json), "%s", json ? json : "-");
}

static inline void begin(enum xlqmp_line line)
{
    session = (struct xlqmp_session){ .line = line, .event = on_event };
    xlqmp_session_init(&session, now);
}

static inline void feed(const char *text)
{
    xlqmp_session_input(&session, text, strlen(text), now);
}

static inline void feedf(const char *fmt, const char *id)
{
    char text[1024];

    snprintf(text, sizeof(text), fmt, id);
    feed(text);
}

/* What it wants to send, as the transport takes all of it. */
static inline const char *said(void)
{
    static char text[4 * XLQMP_COMMAND_MAX];
    size_t n = session.out.len;

    check(n < sizeof(text));
    if (n)
        memcpy(text, session.out.data, n);
    text[n] = '\0';
    xlqmp_session_written(&session, n);
    return text;
}

/* True if the text is among what waits to be sent. */
static inline bool waits(const char *text)
{
    return memmem(session.out.data, session.out.len, text, strlen(text));
}

/* The last id in text, without quotes. */
static inline const char *id_in(const char *text)
{
    static char ids[8][64];
    static int next;
    const char *found = NULL;
    char *id = ids[next++ % 8];

    for (; (text = strstr(text, "\"id\":\"")); text += 6)
        found = text + 6;
    check(found);
    snprintf(id, 64, "%.*s", (int)strcspn(found, "\""), found);
    return id;
}

static inline void send_command(const char *command, struct seen *seen)
{
    check_int(xlqmp_session_send(&session, command, NULL, XLQMP_NEVER,
                                 on_reply, seen, NULL), 0);
}

static inline void tick(int64_t ms)
{
    now += ms;
    xlqmp_session_tick(&session, now);
}

#define RETURN "{\"return\": {}, \"id\": \"%s\"}\r\n"

static inline void become_ready(void)
{
    if (session.state == XLQMP_STATE_RESET)
        feedf(RETURN, id_in(said()));
    feed(FAKE_GREETING "\r\n");
    feedf(RETURN, id_in(said()));
    check_int(session.state, XLQMP_STATE_READY);
}

#endif
