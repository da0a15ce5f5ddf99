/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The texts are those of QEMU (monitor/qmp.c, qapi/qmp-dispatch.c), which
 * clients may know.
 *
 * qmp_reset is answered at once, in every state, and starts a session of
 * the client's own; QEMU and the other clients notice nothing of it.
 */
#include "worker_monitor.h"

#include <stdio.h>
#include <string.h>

#include "worker_greeting.h"
#include "worker_limits.h"
#include "worker_reply.h"

/* QEMU's longest is 34. */
#define MONITOR_NAME_MAX 128

static void monitor_greet(struct client *client)
{
    size_t n = strlen(greeting_none);
    const char *greeting = client->service->greeting(client->server, &n);

    loop_timer_clear(client->loop, &client->greeting_timer);
    client->state = CLIENT_NEGOTIATING;
    client_put(client, greeting ? greeting : greeting_none, n);
}

static void monitor_greet_late(void *data)
{
    struct client *client = data;

    monitor_greet(client);
    client_pump(client);
}

void monitor_greeting_known(struct client *client)
{
    size_t n;

    if (client->state == CLIENT_GREETING &&
        client->service->greeting(client->server, &n))
        monitor_greet(client);
}

void monitor_open(struct client *client)
{
    monitor_greeting_known(client);
    if (client->state == CLIENT_GREETING &&
        loop_timer_set(client->loop, &client->greeting_timer,
                       WORKER_GREETING_WAIT_MS, monitor_greet_late,
                       client))
        client_close(client, "out of memory");
    client_pump(client);
}

static enum client_taken monitor_refuse(struct client *client,
                                        const struct qmp_message *message,
                                        const char *class,
                                        const char *desc)
{
    if (client->in_flight)
        return CLIENT_LATER;
    client_put_error(client, class, desc,
                     qmp_span_text(message, message->id), message->id.len);
    return CLIENT_TAKEN;
}

/* True unless "enable" asks for something: we offer nothing. */
static bool enables_nothing(const struct qmp_message *message)
{
    struct qmp_span enable;
    const char *text;

    if (!message->arguments.len ||
        !qmp_message_member(message, message->arguments, "enable",
                            &enable))
        return true;
    text = qmp_span_text(message, enable);
    for (size_t i = 0; i < enable.len; i++)
        if (!strchr("[] \t\r\n", text[i]))
            return false;
    return true;
}

static enum client_taken monitor_negotiate(struct client *client,
                                           const struct qmp_message *m)
{
    if (client->state == CLIENT_READY)
        return monitor_refuse(client, m, QMP_COMMAND_NOT_FOUND,
                              "Capabilities negotiation is already "
                              "complete, command ignored");
    if (!enables_nothing(m))
        return monitor_refuse(client, m, QMP_GENERIC_ERROR,
                              "Capability not available");
    client->state = CLIENT_READY;
    client_put_return(client, "{}", qmp_span_text(m, m->id), m->id.len);
    return CLIENT_TAKEN;
}

static void monitor_reset(struct client *client,
                          const struct qmp_message *message)
{
    client->service->reset(client);
    client_forget_events(client);
    client_put_return(client, "{}", qmp_span_text(message, message->id),
                      message->id.len);
    if (client_is_live(client))
        monitor_greet(client);
}

enum client_taken monitor_message(struct client *client,
                                  const struct qmp_message *message)
{
    char name[MONITOR_NAME_MAX];

    if (message->kind != QMP_COMMAND)
        return monitor_refuse(client, message, QMP_GENERIC_ERROR,
                              "QMP input lacks member 'execute'");
    if (message->oob)
        return monitor_refuse(client, message, QMP_GENERIC_ERROR,
                              "QMP input member 'exec-oob' is unexpected");
    if (message->id.len > QMP_ID_MAX)
        return monitor_refuse(client, message, QMP_GENERIC_ERROR,
                              "QMP input member 'id' is too long");
    if (qmp_message_name(message, name, sizeof(name)))
        return monitor_refuse(client, message, QMP_COMMAND_NOT_FOUND,
                              "The command has not been found: its name "
                              "is too long");
    if (!strcmp(name, "qmp_reset")) {
        monitor_reset(client, message);
        return CLIENT_TAKEN;
    }
    if (!strcmp(name, "qmp_capabilities"))
        return monitor_negotiate(client, message);
    if (client->state != CLIENT_READY)
        return monitor_refuse(client, message, QMP_COMMAND_NOT_FOUND,
                              "Expecting capabilities negotiation with "
                              "'qmp_capabilities'");
    return client->service->execute(client, message, name);
}
