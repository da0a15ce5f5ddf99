/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxl asks query-chardev to learn which ptys QEMU has opened for
 * consoles, and query-vnc and change-vnc-password for a display
 * (libxl_dm.c, device_model_postconfig_...()). The consoles are xenconsoled's,
 * which writes their tty itself; a display is the display worker's, which has
 * the password already.
 */
#include "toolstack.h"

#include <stdio.h>
#include <string.h>

#include "reply.h"

/* libxl compares it with versions from 2.11 on. */
#define TOOLSTACK_VERSION                                               \
    "{\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, "           \
    "\"package\": \"xenqmp\"}"

struct answer {
    const char *name, *value;
};

static const struct answer toolstack_answers[] = {
    { "change-vnc-password", "{}" },
    { "query-chardev",  "[]" },
    { "query-commands", "[{\"name\": \"change-vnc-password\"}, "
                        "{\"name\": \"query-chardev\"}, "
                        "{\"name\": \"query-commands\"}, "
                        "{\"name\": \"query-version\"}, "
                        "{\"name\": \"query-vnc\"}]" },
    { "query-version",  TOOLSTACK_VERSION },
    { "query-vnc",      "{\"enabled\": false}" },     /* without a display */
};

/* None of the options that libxl looks for: it passes none of them on. */
static const struct answer probe_answers[] = {
    { "query-command-line-options", "[]" },
    { "quit",                       "{}" },
};

static const char *toolstack_greeting(void *server, size_t *n_r, bool *oob_r)
{
    static const char greeting[] = "{\"QMP\": {\"version\": "
        TOOLSTACK_VERSION ", \"capabilities\": []}}\r\n";

    (void)server;
    *n_r = sizeof(greeting) - 1;
    *oob_r = false;
    return greeting;
}

static bool toolstack_has_room(const struct client *client)
{
    (void)client;
    return true;
}

static enum client_taken
answer(struct client *client, const struct qmp_message *message,
       const char *name, const struct answer *answers, size_t n)
{
    const char *id = qmp_span_text(message, message->id);
    char desc[256];

    for (size_t i = 0; i < n; i++) {
        if (strcmp(name, answers[i].name))
            continue;
        client_put_return(client, answers[i].value, id, message->id.len);
        return CLIENT_TAKEN;
    }
    snprintf(desc, sizeof(desc), "The command %s has not been found",
             name);
    client_put_error(client, QMP_COMMAND_NOT_FOUND, desc, id,
                     message->id.len);
    return CLIENT_TAKEN;
}

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))

static enum client_taken
toolstack_execute(struct client *client, const struct qmp_message *message,
                  const char *name)
{
    const char *const *vnc = client->server;
    const struct answer shown = { "query-vnc", *vnc };

    if (*vnc && !strcmp(name, shown.name))
        return answer(client, message, name, &shown, 1);
    return answer(client, message, name, toolstack_answers,
                  ARRAY_N(toolstack_answers));
}

static enum client_taken
probe_execute(struct client *client, const struct qmp_message *message,
              const char *name)
{
    const struct probe *probe = client->server;

    if (!strcmp(name, "quit"))
        probe->quit(probe->data);
    return answer(client, message, name, probe_answers,
                  ARRAY_N(probe_answers));
}

static void toolstack_reset(struct client *client)
{
    (void)client;               /* nothing is ever in flight */
}

const struct service toolstack_service = {
    .greeting = toolstack_greeting, .has_room = toolstack_has_room,
    .execute = toolstack_execute, .reset = toolstack_reset,
};

const struct service probe_service = {
    .greeting = toolstack_greeting, .has_room = toolstack_has_room,
    .execute = probe_execute, .reset = toolstack_reset,
};
