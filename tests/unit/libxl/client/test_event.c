/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libxl/client/event.c: who gets which events, whatever callbacks do. */
#include "libxl/client/ctx.h"

#include "tap.h"

static xlqmp_ctx ctx;
static char seen[256];
static uint64_t handle[4];

/* Delivers one event as the session does. */
static void deliver(const char *text)
{
    struct qmp_message message;
    char *copy = strdup(text);
    const char *why;

    check(qmp_message_parse(&message, copy, strlen(copy), &why));
    ctx.in_callbacks = true;
    xlqmp_events_deliver(&ctx, &message);
    ctx.in_callbacks = false;
    free(copy);
}

static void note(xlqmp_ctx *c, const char *name, const char *event,
                 void *user)
{
    check(c == &ctx);
    check(strstr(event, "\"event\""));
    snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s:%s ",
             (const char *)user, name);
}

static void subscribe(int i, const char *name, xlqmp_event_fn *fn,
                      const char *user)
{
    check_int(xlqmp_event_subscribe(&ctx, name, fn, (void *)user,
                                    &handle[i]), 0);
    check(handle[i] != 0);
}

TEST(by_name_in_the_order_of_subscription)
{
    subscribe(0, "STOP", note, "a");
    subscribe(1, NULL, note, "b");
    subscribe(2, "STOP", note, "c");
    deliver("{\"event\": \"STOP\"}");
    deliver("{\"event\": \"RESUME\"}");
    deliver("{\"data\": {}, \"event\": \"STO\\u0050\"}");
    check_str(seen, "a:STOP b:STOP c:STOP b:RESUME a:STOP b:STOP c:STOP ");
    check(xlqmp_event_unsubscribe(&ctx, handle[1]));
    check(!xlqmp_event_unsubscribe(&ctx, handle[1]));
    check(!xlqmp_event_unsubscribe(&ctx, 0));
    deliver("{\"event\": \"RESUME\"}");
    check_int(strlen(seen), 51);
    xlqmp_events_dispose(&ctx);
    check(!ctx.subscriptions);
}

TEST(what_can_not_be)
{
    char text[300] = "{\"event\": \"";

    check_int(xlqmp_event_subscribe(&ctx, "STOP", NULL, NULL, NULL),
              XLQMP_ERROR_INVAL);
    check(!ctx.subscriptions);
    /* A name that is too long is nobody's. */
    subscribe(0, NULL, note, "a");
    memset(text + strlen(text), 'X', 200);
    strcat(text, "\"}");
    deliver(text);
    check_str(seen, "");
    xlqmp_events_dispose(&ctx);
}

static void end_both(xlqmp_ctx *c, const char *name, const char *event,
                     void *user)
{
    note(c, name, event, user);
    check(xlqmp_event_unsubscribe(c, handle[0]));
    check(xlqmp_event_unsubscribe(c, handle[1]));
    check(!xlqmp_event_unsubscribe(c, handle[1]));
    subscribe(2, NULL, note, "new");
    /* Its own text is there until it returns. */
    check_str(event, "{\"event\": \"STOP\"}");
}

TEST(a_callback_may_end_any_and_begin_others)
{
    subscribe(0, NULL, end_both, "first");
    subscribe(1, NULL, note, "second");
    deliver("{\"event\": \"STOP\"}");
    check_str(seen, "first:STOP ");
    deliver("{\"event\": \"STOP\"}");
    check_str(seen, "first:STOP new:STOP ");
    xlqmp_events_dispose(&ctx);
}

TAP_MAIN()
