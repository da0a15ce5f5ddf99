/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who wants which events. A subscription that ends while events are being
 * delivered is only marked, and freed when the delivery is over; one that
 * begins meanwhile sees the next event.
 */
#include "ctx.h"

#include <stdlib.h>
#include <string.h>

/* QEMU's longest has some 30 letters; a longer name is nobody's event. */
#define EVENT_NAME_MAX 128

static void subscription_free(struct xlqmp_subscription *subscription)
{
    free(subscription->name);
    free(subscription);
}

static void sweep(xlqmp_ctx *ctx)
{
    struct xlqmp_subscription **at = &ctx->subscriptions, *ended;

    while (*at) {
        if ((*at)->fn) {
            at = &(*at)->next;
            continue;
        }
        ended = *at;
        *at = ended->next;
        subscription_free(ended);
    }
}

static bool wants(const struct xlqmp_subscription *subscription,
                  const char *name)
{
    return subscription->fn &&
           (!subscription->name || !strcmp(subscription->name, name));
}

void xlqmp_events_deliver(xlqmp_ctx *ctx, const struct qmp_message *message)
{
    uint64_t last = ctx->last_subscription;
    char name[EVENT_NAME_MAX], *text;

    if (!ctx->subscriptions ||
        qmp_message_name(message, name, sizeof(name)))
        return;
    /* A copy: a callback that resets the session frees the original. */
    text = strndup(message->text, message->len);
    if (!text) {
        xlqmp_log(ctx->session.logger, XTL_ERROR,
                  "no memory for an event; it is lost");
        return;
    }
    for (struct xlqmp_subscription *s = ctx->subscriptions; s; s = s->next)
        if (s->handle <= last && wants(s, name))
            s->fn(ctx, name, text, s->user);
    free(text);
    sweep(ctx);
}

int xlqmp_event_subscribe(xlqmp_ctx *ctx, const char *name,
                          xlqmp_event_fn *fn, void *user,
                          uint64_t *handle_r)
{
    struct xlqmp_subscription *subscription, **end = &ctx->subscriptions;

    if (!fn)
        return XLQMP_ERROR_INVAL;
    subscription = calloc(1, sizeof(*subscription));
    if (!subscription)
        return XLQMP_ERROR_NOMEM;
    if (name && !(subscription->name = strdup(name))) {
        free(subscription);
        return XLQMP_ERROR_NOMEM;
    }
    subscription->fn = fn;
    subscription->user = user;
    subscription->handle = ++ctx->last_subscription;
    while (*end)
        end = &(*end)->next;
    *end = subscription;
    if (handle_r)
        *handle_r = subscription->handle;
    return XLQMP_OK;
}

bool xlqmp_event_unsubscribe(xlqmp_ctx *ctx, uint64_t handle)
{
    struct xlqmp_subscription *s = ctx->subscriptions;

    while (s && (s->handle != handle || !s->fn))
        s = s->next;
    if (!s)
        return false;
    s->fn = NULL;
    if (!ctx->in_callbacks)
        sweep(ctx);
    return true;
}

void xlqmp_events_dispose(xlqmp_ctx *ctx)
{
    for (struct xlqmp_subscription *s = ctx->subscriptions; s; s = s->next)
        s->fn = NULL;
    sweep(ctx);
}
