/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/qmp/json.h"

void relay_init(struct relay *relay)
{
    *relay = (struct relay){ .want_connect = true };
    qmp_buf_init(&relay->to_console, RELAY_OUT_MAX);
    qmp_buf_init(&relay->to_qemu, RELAY_OUT_MAX);
    qmp_buf_init(&relay->held, QMP_MESSAGE_MAX + QMP_ID_MAX);
    qmp_framer_init(&relay->from_console, QMP_FRAMER_CLIENT,
                    QMP_MESSAGE_MAX);
    qmp_framer_init(&relay->from_qemu, QMP_FRAMER_SERVER, QMP_MESSAGE_MAX);
}

static void command_forget(struct relay *relay,
                           struct relay_command *command)
{
    free(command->id);
    *command = (struct relay_command){ .number = 0 };
    relay->flight_n--;
}

static void flight_clear(struct relay *relay)
{
    for (size_t i = 0; i < RELAY_FLIGHT_MAX; i++)
        if (relay->flight[i].number)
            command_forget(relay, &relay->flight[i]);
}

void relay_dispose(struct relay *relay)
{
    flight_clear(relay);
    qmp_buf_dispose(&relay->to_console);
    qmp_buf_dispose(&relay->to_qemu);
    qmp_buf_dispose(&relay->held);
    qmp_framer_dispose(&relay->from_console);
    qmp_framer_dispose(&relay->from_qemu);
}

/* A save that began is none any more. */
static void save_end(struct relay *relay)
{
    if (relay->save && !relay->want_save_begin)
        relay->want_save_stop = relay->stopping = true;
    relay->want_save_begin = relay->want_save_finish = false;
    relay->save = RELAY_SAVE_NONE;
    qmp_buf_consume(&relay->held, relay->held.len);
}

/* A session begins with nothing owed to anybody. */
static void session_begin(struct relay *relay)
{
    flight_clear(relay);
    relay->session++;
    relay->connected = false;
    relay->want_connect = true;
    relay->answered = false;
    save_end(relay);
    qmp_buf_consume(&relay->to_qemu, relay->to_qemu.len);
    qmp_buf_consume(&relay->to_console, relay->to_console.len);
    qmp_framer_reset(&relay->from_qemu);
}

static int append_error(struct qmp_buf *buf, const char *id, size_t id_len,
                        const char *class, const char *desc)
{
    if (qmp_buf_printf(buf, "{\"error\": {\"class\": \"%s\", \"desc\": "
                       "\"%s\"}", class, desc))
        return -1;
    if (id_len && qmp_buf_printf(buf, ", \"id\": %.*s", (int)id_len, id))
        return -1;
    return qmp_buf_printf(buf, "}\r\n");
}

static int handle_reset(struct relay *relay,
                        const struct qmp_message *message)
{
    session_begin(relay);
    /* End the line that was cut; the peer drops it. */
    if (relay->mid_line && qmp_buf_printf(&relay->to_console, "\r\n"))
        return -1;
    if (!message->id.len)
        return qmp_buf_printf(&relay->to_console, "{\"return\": {}}\r\n");
    return qmp_buf_printf(&relay->to_console,
                          "{\"return\": {}, \"id\": %.*s}\r\n",
                          (int)message->id.len,
                          qmp_span_text(message, message->id));
}

/* True if the message is that command, however its name is written. */
static bool is_command(const struct qmp_message *message, const char *name)
{
    char decoded[64];

    return message->kind == QMP_COMMAND &&
           !qmp_message_name(message, decoded, sizeof(decoded)) &&
           !strcmp(decoded, name);
}

static int forward_command(struct relay *relay,
                           const struct qmp_message *message, bool save)
{
    struct relay_command *command = relay->flight;
    char id[64];
    int n;

    while (command->number)
        command++;
    *command = (struct relay_command){
        .number = ++relay->next_number,
        .save = save, .oob = message->oob,
    };
    relay->flight_n++;
    if (message->id.len) {
        command->id = malloc(message->id.len);
        if (!command->id)
            return -1;
        command->id_len = message->id.len;
        memcpy(command->id, qmp_span_text(message, message->id),
               message->id.len);
    }
    if (save) {
        relay->save = RELAY_SAVE_ASKED;
        relay->want_save_begin = true;
    }
    n = snprintf(id, sizeof(id), "\"%llu-%llu\"", relay->session,
                 command->number);
    if (qmp_message_append_with_id(message, id, (size_t)n,
                                   &relay->to_qemu))
        return -1;
    return qmp_buf_append(&relay->to_qemu, "\r\n", 2);
}

/* libxl names fdset 1, of which QEMU truncates what it opens. */
static int forward_save(struct relay *relay,
                        const struct qmp_message *message)
{
    struct qmp_message told;
    struct qmp_span filename;
    struct qmp_buf buf;
    const char *why;
    size_t behind;
    int r = -1;

    /* Of one that is none QEMU says what is wrong. */
    if (!relay->save_path || !message->arguments.len ||
        !qmp_message_member(message, message->arguments, "filename",
                            &filename))
        return forward_command(relay, message, true);
    behind = filename.off + filename.len;
    qmp_buf_init(&buf, message->len + strlen(relay->save_path) + 2);
    if (!qmp_buf_append(&buf, message->text, filename.off) &&
        !qmp_buf_printf(&buf, "\"%s\"", relay->save_path) &&
        !qmp_buf_append(&buf, message->text + behind,
                        message->len - behind))
        r = forward_command(relay, qmp_message_parse(&told, buf.data, buf.len,
                                                     &why) ? &told : message,
                            true);
    qmp_buf_dispose(&buf);
    return r;
}

static int refuse_command(struct relay *relay,
                          const struct qmp_message *message,
                          const char *class, const char *desc)
{
    return append_error(&relay->to_console,
                        qmp_span_text(message, message->id),
                        message->id.len, class, desc);
}

static int handle_save(struct relay *relay,
                       const struct qmp_message *message)
{
    /* One after the other goes by save_path. */
    if (relay->save || relay->stopping)
        return refuse_command(relay, message, "GenericError", "The state "
                              "of the devices is being saved already");
    /* QEMU may be at a save of the session before. It is not once it has
     * answered anything, and would refuse until then. */
    if (!relay->answered)
        return refuse_command(relay, message, "CommandNotFound",
                              "Expecting capabilities negotiation with "
                              "'qmp_capabilities'");
    /* QEMU would say that it has saved it. */
    if (relay->host_devices)
        return refuse_command(relay, message, "GenericError", "The guest "
                              "has a PCI device of the host's, whose state "
                              "cannot be saved; detach it first (xl "
                              "pci-list, xl pci-detach)");
    return forward_save(relay, message);
}

static int handle_command(struct relay *relay,
                          const struct qmp_message *message)
{
    if (is_command(message, "qmp_reset")) {
        if (message->id.len <= QMP_ID_MAX)
            return handle_reset(relay, message);
    } else if (message->kind == QMP_COMMAND &&
               message->id.len <= QMP_ID_MAX) {
        if (!relay->connected)
            return refuse_command(relay, message, "GenericError",
                                  "QEMU has not started or has ended");
        if (relay->flight_n == RELAY_FLIGHT_MAX ||
            relay->to_qemu.len >= RELAY_EVENTS_MAX)
            return refuse_command(relay, message, "GenericError",
                                  "Too many commands in flight");
        /* Out-of-band QEMU refuses it. */
        if (is_command(message, "xen-save-devices-state") && !message->oob)
            return handle_save(relay, message);
        return forward_command(relay, message, false);
    }
    return append_error(&relay->to_console, NULL, 0, "GenericError",
                        "QMP input must be a command with a short id");
}

int relay_console_input(struct relay *relay, const char *bytes, size_t n)
{
    struct qmp_message message;
    const char *text, *why;
    size_t len;

    if (qmp_framer_push(&relay->from_console, bytes, n))
        return -1;
    for (;;) {
        bool ok = true;

        switch (qmp_framer_next(&relay->from_console, &text, &len)) {
        case QMP_FRAMER_MORE:
            return 0;
        case QMP_FRAMER_MESSAGE:
            ok = qmp_message_parse(&message, text, len, &why);
            if (ok && handle_command(relay, &message))
                return -1;
            break;
        case QMP_FRAMER_TOO_LONG:
        case QMP_FRAMER_GARBAGE:
            ok = false;
        }
        /* Answers to garbage are no reason to keep more than room. */
        if (!ok && relay->to_console.len < RELAY_EVENTS_MAX &&
            append_error(&relay->to_console, NULL, 0, "GenericError",
                         "Invalid JSON syntax"))
            return -1;
    }
}

/* The command that a reply with that id answers, or NULL. */
static struct relay_command *find_command(struct relay *relay,
                                          const char *text, size_t n)
{
    unsigned long long session, number;
    char id[QMP_SKIM_ID_MAX + 1], junk;

    if (!n || n >= sizeof(id))
        return NULL;
    memcpy(id, text, n);
    id[n] = '\0';
    if (sscanf(id, "\"%llu-%llu\"%c", &session, &number, &junk) != 2 ||
        session != relay->session || !number)
        return NULL;
    for (size_t i = 0; i < RELAY_FLIGHT_MAX; i++)
        if (relay->flight[i].number == number)
            return &relay->flight[i];
    return NULL;
}

static int handle_reply(struct relay *relay,
                        const struct qmp_message *message)
{
    struct relay_command *command =
        find_command(relay, qmp_span_text(message, message->id),
                     message->id.len);
    struct qmp_buf *to = &relay->to_console;
    int r;

    /* Late, of an older session; or an error about bytes of ours. */
    if (!command)
        return 0;
    relay->answered |= !command->oob;
    if (command->save && message->kind == QMP_RETURN) {
        to = &relay->held;
        relay->save = RELAY_SAVE_FINISHED;
        relay->want_save_finish = true;
    } else if (command->save) {
        save_end(relay);
    }
    r = qmp_message_append_with_id(message, command->id, command->id_len,
                                   to);
    if (!r)
        r = qmp_buf_append(to, "\r\n", 2);
    command_forget(relay, command);
    return r;
}

/* A reply that is not passed on answers a command all the same. */
static int handle_too_large(struct relay *relay, const struct qmp_skim *reply)
{
    struct relay_command *command = find_command(relay, reply->id,
                                                 reply->id_len);
    char desc[256];
    int r;

    if (!command)
        return 0;
    snprintf(desc, sizeof(desc), "QEMU's reply is larger than "
             QMP_MESSAGE_LIMITS " and was dropped; the command %s",
             QMP_MESSAGE_LIMITS_ARGS,
             reply->error ? "has failed" : "has been executed");
    r = append_error(&relay->to_console, command->id, command->id_len,
                     "GenericError", desc);
    command_forget(relay, command);
    return r;
}

static int handle_from_qemu(struct relay *relay, const char *text,
                            size_t len)
{
    struct qmp_message message;
    struct qmp_skim skim;
    const char *why;

    /* QEMU is ours, but a message that is none is not passed on. */
    if (!qmp_message_parse(&message, text, len, &why)) {
        if (!qmp_json_is_limit(why))
            return 0;
        qmp_skim_init(&skim);
        qmp_skim_read(&skim, text, len);
        return handle_too_large(relay, &skim);
    }
    if (message.kind == QMP_RETURN || message.kind == QMP_ERROR)
        return handle_reply(relay, &message);
    if (message.kind == QMP_EVENT &&
        relay->to_console.len > RELAY_EVENTS_MAX) {
        relay->events_lost++;
        return 0;
    }
    if (qmp_buf_append(&relay->to_console, text, len))
        return -1;
    return qmp_buf_append(&relay->to_console, "\r\n", 2);
}

int relay_qemu_input(struct relay *relay, const char *bytes, size_t n)
{
    const char *text;
    size_t len;

    if (!relay->connected)
        return 0;
    if (qmp_framer_push(&relay->from_qemu, bytes, n))
        return -1;
    for (;;) {
        switch (qmp_framer_next(&relay->from_qemu, &text, &len)) {
        case QMP_FRAMER_MORE:
            return 0;
        case QMP_FRAMER_MESSAGE:
            if (handle_from_qemu(relay, text, len))
                return -1;
            break;
        case QMP_FRAMER_TOO_LONG:
            if (handle_too_large(relay, &relay->from_qemu.skim))
                return -1;
            break;
        case QMP_FRAMER_GARBAGE:
            break;
        }
    }
}

void relay_console_written(struct relay *relay, size_t n)
{
    if (!n)
        return;
    relay->mid_line = relay->to_console.data[n - 1] != '\n';
    qmp_buf_consume(&relay->to_console, n);
}

void relay_connected(struct relay *relay)
{
    relay->want_connect = false;
    relay->connected = true;
}

int relay_disconnected(struct relay *relay)
{
    relay->connected = false;
    relay->want_connect = true;
    relay->answered = false;
    if (relay->save == RELAY_SAVE_ASKED)
        save_end(relay);
    qmp_framer_reset(&relay->from_qemu);
    qmp_buf_consume(&relay->to_qemu, relay->to_qemu.len);
    for (size_t i = 0; i < RELAY_FLIGHT_MAX; i++) {
        struct relay_command *command = &relay->flight[i];

        if (!command->number)
            continue;
        if (append_error(&relay->to_console, command->id, command->id_len,
                         "GenericError",
                         "QEMU closed its monitor; it may have executed the "
                         "command"))
            return -1;
        command_forget(relay, command);
    }
    return 0;
}

/* Whose it is, for a client that has more than one command in flight. */
static int append_saved(struct relay *relay,
                        const struct qmp_message *reply, uint64_t length,
                        uint32_t crc)
{
    int n = (int)reply->id.len;

    return qmp_buf_printf(&relay->to_console, "{\"event\": "
                          "\"__xenqmp_SAVED\", \"data\": {%s%.*s%s"
                          "\"length\": %" PRIu64 ", \"crc32\": %" PRIu32
                          "}, \"timestamp\": {\"seconds\": -1, "
                          "\"microseconds\": -1}}\r\n",
                          n ? "\"id\": " : "", n,
                          qmp_span_text(reply, reply->id), n ? ", " : "",
                          length, crc);
}

int relay_save_copied(struct relay *relay, int error, uint64_t length,
                      uint32_t crc)
{
    struct qmp_message reply;
    const char *why;
    int r = 0;

    /* The session that asked may be over. */
    if (relay->save != RELAY_SAVE_FINISHED)
        return 0;
    if (!qmp_message_parse(&reply, relay->held.data, relay->held.len - 2,
                           &why))
        r = -1;
    else if (error)
        r = refuse_command(relay, &reply, "GenericError", "The saved state "
                           "could not be copied to console 1");
    else if (append_saved(relay, &reply, length, crc) ||
             qmp_buf_append(&relay->to_console, relay->held.data,
                            relay->held.len))
        r = -1;
    relay->save = RELAY_SAVE_NONE;
    qmp_buf_consume(&relay->held, relay->held.len);
    return r;
}

void relay_save_stopped(struct relay *relay)
{
    relay->stopping = false;
}

void relay_console_renewed(struct relay *relay)
{
    session_begin(relay);
    relay->mid_line = false;
    qmp_framer_reset(&relay->from_console);
}
