/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stubdomd's relay, between a client and a QEMU that say anything. What it
 * writes are whole messages, and to QEMU only commands under ids of this
 * session.
 */
#include "fuzz.h"

#include "tools/stubdom/relay.h"

enum { ACT_CONSOLE, ACT_QEMU, ACT_WRITTEN, ACT_CONNECTED, ACT_DISCONNECTED,
       ACT_COPIED, ACT_RENEWED, ACT_QEMU_TAKES, ACTS };

static struct relay relay;
static struct qmp_framer console;

/* Nothing but messages comes out, but for lines that a reset has cut. */
static void check_console(size_t n)
{
    struct qmp_message message;
    const char *text, *why;
    size_t len;

    require(!qmp_framer_push(&console, relay.to_console.data, n));
    for (;;) {
        switch (qmp_framer_next(&console, &text, &len)) {
        case QMP_FRAMER_MORE:
            return;
        case QMP_FRAMER_MESSAGE:
            require(qmp_message_parse(&message, text, len, &why));
            break;
        case QMP_FRAMER_GARBAGE:
        case QMP_FRAMER_TOO_LONG:
            break;
        }
    }
}

static void check_qemu(void)
{
    struct qmp_message message;
    struct qmp_framer framer;
    unsigned long long session, number;
    const char *text, *why;
    char id[64];
    size_t len, n;

    qmp_framer_init(&framer, QMP_FRAMER_CLIENT, QMP_MESSAGE_MAX);
    for (size_t at = 0; at < relay.to_qemu.len; at += n) {
        n = relay.to_qemu.len - at;
        if (n > QMP_FRAMER_CHUNK)
            n = QMP_FRAMER_CHUNK;
        require(!qmp_framer_push(&framer, relay.to_qemu.data + at, n));
        while (qmp_framer_next(&framer, &text, &len) ==
               QMP_FRAMER_MESSAGE) {
            require(qmp_message_parse(&message, text, len, &why));
            require(message.kind == QMP_COMMAND);
            require(message.id.len < sizeof(id));
            memcpy(id, qmp_span_text(&message, message.id), message.id.len);
            id[message.id.len] = '\0';
            require(sscanf(id, "\"%llu-%llu\"", &session, &number) == 2);
            require(session == relay.session);
        }
    }
    qmp_framer_dispose(&framer);
}

static void act(const struct step *step)
{
    size_t n;

    switch (step->act % ACTS) {
    case ACT_CONSOLE:
        require(!relay_console_input(&relay, step->bytes, step->n));
        break;
    case ACT_QEMU:
        require(!relay_qemu_input(&relay, step->bytes, step->n));
        break;
    case ACT_WRITTEN:
        if (relay.stopping)
            break;
        n = step->n ? (unsigned char)step->bytes[0] : relay.to_console.len;
        if (n > relay.to_console.len)
            n = relay.to_console.len;
        if (n > QMP_FRAMER_CHUNK)
            n = QMP_FRAMER_CHUNK;
        check_console(n);
        relay_console_written(&relay, n);
        break;
    case ACT_CONNECTED:
        if (relay.want_connect)
            relay_connected(&relay);
        break;
    case ACT_DISCONNECTED:
        if (relay.connected)
            require(!relay_disconnected(&relay));
        break;
    case ACT_COPIED:
        /* A save that was ended is over before the next begins. */
        require(!relay.stopping ||
                (!relay.want_save_begin && !relay.want_save_finish));
        if (relay.want_save_stop) {
            relay.want_save_stop = false;
            relay_save_stopped(&relay);
        } else if (relay.want_save_finish) {
            relay.want_save_begin = relay.want_save_finish = false;
            require(!relay_save_copied(&relay, step->n & 1, step->n, 7));
        }
        break;
    case ACT_RENEWED:
        relay_console_renewed(&relay);
        qmp_framer_reset(&console);
        break;
    case ACT_QEMU_TAKES:
        relay.want_save_begin = false;
        check_qemu();
        qmp_buf_consume(&relay.to_qemu, relay.to_qemu.len);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = { data, size };
    struct step step;

    relay_init(&relay);
    qmp_framer_init(&console, QMP_FRAMER_SERVER, RELAY_OUT_MAX);
    while (script_next(&script, &step)) {
        act(&step);
        free(step.bytes);
        require(relay.flight_n <= RELAY_FLIGHT_MAX);
        require(!relay.to_qemu.len || relay.connected);
        check_qemu();
    }
    qmp_framer_dispose(&console);
    relay_dispose(&relay);
    return 0;
}
