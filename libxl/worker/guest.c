/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between clients, who go as they like, and the mux, which knows them by
 * reference only: a reply to somebody who has gone is dropped here.
 */
#include "guest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "greeting.h"
#include "reply.h"

static const char *guest_greeting(void *server, size_t *n_r, bool *oob_r)
{
    struct guest *guest = server;
    const struct qmp_buf *greeting = &guest->mux.session.greeting;

    if (!greeting->len) {
        /* Nobody will greet any more. */
        if (!guest->mux.over)
            return NULL;
        *n_r = strlen(greeting_none);
        *oob_r = false;
        return greeting_none;
    }
    *n_r = greeting->len;
    *oob_r = guest->mux.session.oob;
    return greeting->data;
}

static bool guest_has_room(const struct client *client)
{
    const struct guest *guest = client->server;

    return mux_has_room(&guest->mux, client->policy->share);
}

/* Counts since the worker was started; "clients" are those there now. */
static void guest_tell_stats(struct client *client, const char *id,
                             size_t n)
{
    const struct guest *guest = client->server;
    const struct mux_counts *counts = &guest->mux.counts;
    char json[1024];
    int length = snprintf(json, sizeof(json), "{\"up\": %s, \"clients\": %zu, "
             "\"commands\": %" PRIu64 ", \"errors\": %" PRIu64
             ", \"failures\": %" PRIu64 ", \"events\": %" PRIu64
             ", \"events-lost\": %" PRIu64 ", \"sessions\": %" PRIu64
             ", \"refused\": %" PRIu64,
             guest->mux.session.state == SESSION_UP ? "true" : "false",
             clients_count(guest->clients, &guest_service),
             counts->commands, counts->errors, counts->failures,
             counts->events, guest->clients->events_lost,
             guest->mux.session.begun, guest->clients->refused);

    if (guest->display)
        length += snprintf(json + length, sizeof(json) - (size_t)length,
                           ", \"display\": {\"viewers\": %" PRIu64
                           ", \"viewers-looked\": %" PRIu64
                           ", \"viewers-refused\": %" PRIu64
                           ", \"bytes-to-viewers\": %" PRIu64
                           ", \"bytes-from-viewers\": %" PRIu64 "}",
                           guest->display->viewers, guest->display->looked,
                           guest->display->refused,
                           guest->display->to_viewers,
                           guest->display->from_viewers);
    strcpy(json + length, "}");
    client_put_return(client, json, id, n);
}

static bool guest_adds(const struct qmp_message *message, const char *name,
                       const char *wanted)
{
    struct qmp_span driver;

    return !strcmp(name, "device_add") && message->arguments.len &&
           qmp_message_member(message, message->arguments, "driver",
                              &driver) &&
           qmp_span_is_string(message, driver, wanted);
}

/* libxl before 4.19 has the number of a controller's ports in quotes, which
 * QEMU refuses from 9.2 on (libxl_usb.c, libxl__device_usbctrl_add_hvm()).
 * Spaces take their place in the copy that goes to buf. -1: no memory. */
static int guest_unquote_ports(struct qmp_message *message, const char *name,
                               struct qmp_buf *buf)
{
    static const char *const keys[] = { "p2", "p3" };
    char *text;

    if (!guest_adds(message, name, "nec-usb-xhci"))
        return 0;
    text = qmp_buf_reserve(buf, message->len);
    if (!text)
        return -1;
    memcpy(text, message->text, message->len);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        struct qmp_span ports;
        const char *quoted;

        if (!qmp_message_member(message, message->arguments, keys[i], &ports))
            continue;
        quoted = qmp_span_text(message, ports);
        if (ports.len > 2 && *quoted == '"' &&
            strspn(quoted + 1, "0123456789") == ports.len - 2)
            text[ports.off] = text[ports.off + ports.len - 1] = ' ';
    }
    message->text = text;
    return 0;
}

static enum client_taken guest_execute(struct client *client,
                                       const struct qmp_message *message,
                                       const char *name)
{
    struct guest *guest = client->server;
    const char *id = qmp_span_text(message, message->id);
    bool stats = !strcmp(name, "__xenqmp_query-stats");
    bool fd = !strcmp(name, "add-fd") || !strcmp(name, "getfd");
    bool usb = guest_adds(message, name, "usb-host");
    struct qmp_message sent = *message;
    struct qmp_buf buf;
    char desc[256];

    if ((stats || fd || usb) && client->in_flight && !message->oob)
        return CLIENT_LATER;
    if (stats) {
        guest_tell_stats(client, id, message->id.len);
        return CLIENT_TAKEN;
    }
    if (usb) {
        client_put_error(client, QMP_GENERIC_ERROR, "usb-host is not "
                         "possible: dom0's USB devices can't be reached "
                         "from the guest's stubdomain", id,
                         message->id.len);
        return CLIENT_TAKEN;
    }
    if (fd) {
        snprintf(desc, sizeof(desc), "%s is not possible: a file "
                 "descriptor can't be passed to QEMU in the stubdomain of "
                 "domain %u", name, guest->guest_domid);
        client_put_error(client, QMP_GENERIC_ERROR, desc, id,
                         message->id.len);
        return CLIENT_TAKEN;
    }
    client_expect_reply(client);
    qmp_buf_init(&buf, message->len);
    if (guest_unquote_ports(&sent, name, &buf) ||
        mux_submit(&guest->mux, client->ref, client->policy->share,
                   &sent, name)) {
        client->in_flight--;
        client_put_error(client, QMP_GENERIC_ERROR, "qmp-helper is out of "
                         "memory; the command was not sent", id,
                         message->id.len);
    }
    qmp_buf_dispose(&buf);
    return CLIENT_TAKEN;
}

static void guest_reset(struct client *client)
{
    struct guest *guest = client->server;

    mux_abandon(&guest->mux, client->ref);
    clients_rename(guest->clients, client);
}

const struct service guest_service = {
    .greeting = guest_greeting, .has_room = guest_has_room,
    .execute = guest_execute, .reset = guest_reset,
};

static void guest_reply(void *data, struct client_ref ref,
                        const char *line, size_t len, const char *id,
                        size_t n)
{
    struct guest *guest = data;
    struct client *client = clients_find(guest->clients, ref);
    char desc[256];

    if (!client)
        return;
    client->in_flight--;
    if (clients_take_reply(guest->clients, client, len)) {
        client_put(client, line, len);
        return;
    }
    if (len > client_reply_max(client))
        snprintf(desc, sizeof(desc), "QEMU's reply of %zu bytes is longer "
                 "than the %zu for a client of this socket; the command "
                 "has been executed", len, client_reply_max(client));
    else
        snprintf(desc, sizeof(desc), "QEMU's reply of %zu bytes was "
                 "dropped: too much waits to be read already; the command "
                 "has been executed", len);
    client_put_error(client, QMP_GENERIC_ERROR, desc, id, n);
}

static void guest_failure(void *data, struct client_ref ref,
                          const char *desc, const char *id, size_t n)
{
    struct guest *guest = data;
    struct client *client = clients_find(guest->clients, ref);

    if (!client)
        return;
    client->in_flight--;
    client_put_error(client, QMP_GENERIC_ERROR, desc, id, n);
}

static void guest_event(void *data, const struct qmp_message *event)
{
    struct guest *guest = data;

    clients_put_event(guest->clients, &guest_service, event->text,
                      event->len);
}

static void guest_room(void *data)
{
    struct guest *guest = data;

    clients_pump(guest->clients);
}

static void guest_ask(void *data)
{
    const struct guest *guest = data;

    guest->ask(guest->data);
}

void guest_stubdom(struct guest *guest, enum stubdom_state state)
{
    mux_stubdom(&guest->mux, state);
}

int guest_init(struct guest *guest)
{
    static const struct mux_hooks hooks = {
        .reply = guest_reply, .failure = guest_failure,
        .event = guest_event, .room = guest_room, .ask = guest_ask,
    };

    guest->mux = (struct mux){
        .loop = guest->clients->loop, .guest_domid = guest->guest_domid,
        .dm_domid = guest->dm_domid, .console_path = guest->console_path,
        .control_path = guest->control_path, .hooks = &hooks,
        .data = guest,
    };
    return mux_init(&guest->mux);
}
