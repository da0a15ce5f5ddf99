/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The texts are those of QEMU (monitor/qmp.c, qapi/qmp-dispatch.c), which
 * clients may know.
 *
 * qmp_reset is answered at once, in every state, and starts a session of
 * the client's own; QEMU and the other clients notice nothing of it.
 */
#include "monitor.h"

#include <stdio.h>
#include <string.h>

#include "greeting.h"
#include "limits.h"
#include "reply.h"

/* QEMU's longest is 34. */
#define MONITOR_NAME_MAX 128

static void monitor_not_negotiated(void *data)
{
    client_close(data, "it does not negotiate");
}

static void monitor_greet(struct client *client)
{
    size_t n = strlen(greeting_none);
    bool oob = false;
    const char *greeting = client->service->greeting(client->server, &n,
                                                     &oob);

    loop_timer_clear(client->loop, &client->greeting_timer);
    client->state = CLIENT_NEGOTIATING;
    client->oob_offered = oob;
    client->oob = false;
    if (client->policy->share != FLIGHT_FULL &&
        loop_timer_set(client->loop, &client->greeting_timer,
                       WORKER_LESSER_PATIENCE_MS, monitor_not_negotiated,
                       client)) {
        client_close(client, "out of memory");
        return;
    }
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
    bool oob;

    if (client->state == CLIENT_GREETING &&
        client->service->greeting(client->server, &n, &oob))
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
    if (client->in_flight && !message->oob)
        return CLIENT_LATER;
    client_put_error(client, class, desc,
                     qmp_span_text(message, message->id), message->id.len);
    return CLIENT_TAKEN;
}

/* Without the id, which would cost as much again to send back. */
static enum client_taken monitor_refuse_id(struct client *client)
{
    char desc[128];

    if (client->in_flight)
        return CLIENT_LATER;
    snprintf(desc, sizeof(desc), "QMP input member 'id' is longer than %d "
             "bytes", WORKER_ID_MAX);
    client_put_error(client, QMP_GENERIC_ERROR, desc, NULL, 0);
    return CLIENT_TAKEN;
}

/* What is wrong with the arguments of qmp_capabilities, or NULL. *oob_r:
 * they enable "oob". */
static const char *monitor_capabilities(const struct client *client,
                                        const struct qmp_message *message,
                                        bool *oob_r)
{
    struct qmp_span enable, element = { 0, 0 };
    size_t members = 0;

    *oob_r = false;
    if (!message->arguments.len)
        return NULL;
    if (!qmp_message_members(message, message->arguments, &members))
        return "QMP input member 'arguments' must be an object";
    if (!members)
        return NULL;
    if (members > 1 || !qmp_message_member(message, message->arguments,
                                           "enable", &enable))
        return "Parameter other than 'enable' is unexpected";
    if (*qmp_span_text(message, enable) != '[')
        return "Invalid parameter type for 'enable', expected: array";
    while (qmp_message_element(message, enable, &element)) {
        if (!client->oob_offered ||
            !qmp_span_is_string(message, element, "oob"))
            return "Capability not available";
        *oob_r = true;
    }
    return NULL;
}

static enum client_taken monitor_negotiate(struct client *client,
                                           const struct qmp_message *m)
{
    const char *wrong;
    bool oob;

    if (client->state == CLIENT_READY)
        return monitor_refuse(client, m, QMP_COMMAND_NOT_FOUND,
                              "Capabilities negotiation is already "
                              "complete, command ignored");
    wrong = monitor_capabilities(client, m, &oob);
    if (wrong)
        return monitor_refuse(client, m, QMP_GENERIC_ERROR, wrong);
    loop_timer_clear(client->loop, &client->greeting_timer);
    client->state = CLIENT_READY;
    client->oob = oob;
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
    if (message->oob && !client->oob)
        return monitor_refuse(client, message, QMP_GENERIC_ERROR,
                              "QMP input member 'exec-oob' is unexpected");
    if (message->id.len > WORKER_ID_MAX)
        return monitor_refuse_id(client);
    if (qmp_message_name(message, name, sizeof(name)))
        return monitor_refuse(client, message, QMP_COMMAND_NOT_FOUND,
                              "The command has not been found: its name "
                              "is too long");
    if (!strcmp(name, "qmp_reset")) {
        monitor_reset(client, message);
        return CLIENT_TAKEN;
    }
    if (!strcmp(name, "qmp_capabilities") && !message->oob)
        return monitor_negotiate(client, message);
    if (client->state != CLIENT_READY)
        return monitor_refuse(client, message, QMP_COMMAND_NOT_FOUND,
                              "Expecting capabilities negotiation with "
                              "'qmp_capabilities'");
    if (!policy_allows(client->policy, name))
        return monitor_refuse(client, message, QMP_COMMAND_NOT_FOUND,
                              "The command is not allowed on this socket");
    return client->service->execute(client, message, name);
}
