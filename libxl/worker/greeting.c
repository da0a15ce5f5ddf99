/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "greeting.h"

#include "limits.h"

#define GREETING_HEAD "{\"QMP\": {\"version\": "
#define GREETING_TAIL ", \"capabilities\": []}}\r\n"

const char greeting_none[] =
    GREETING_HEAD "{\"qemu\": {\"micro\": 0, \"minor\": 0, \"major\": 0}, "
    "\"package\": \"\"}" GREETING_TAIL;

void greeting_init(struct qmp_buf *greeting)
{
    qmp_buf_init(greeting, WORKER_GREETING_MAX + sizeof(greeting_none));
}

static bool greeting_offers_oob(const struct qmp_message *message,
                                struct qmp_span capabilities)
{
    struct qmp_span element = { 0, 0 };

    while (qmp_message_element(message, capabilities, &element))
        if (qmp_span_is_string(message, element, "oob"))
            return true;
    return false;
}

int greeting_keep(struct qmp_buf *greeting,
                  const struct qmp_message *message, bool *oob_r)
{
    struct qmp_span version, cut;
    const char *capabilities;

    if (message->len > WORKER_GREETING_MAX ||
        !qmp_message_member(message, message->value, "version", &version))
        return -1;
    if (!qmp_message_member(message, message->value, "capabilities", &cut))
        cut = (struct qmp_span){ message->len, 0 };
    *oob_r = cut.len && greeting_offers_oob(message, cut);
    capabilities = *oob_r ? "[\"oob\"]" : "[]";
    qmp_buf_consume(greeting, greeting->len);
    if (qmp_buf_append(greeting, message->text, cut.off) ||
        (cut.len && qmp_buf_printf(greeting, "%s", capabilities)) ||
        qmp_buf_append(greeting, message->text + cut.off + cut.len,
                       message->len - cut.off - cut.len) ||
        qmp_buf_append(greeting, "\r\n", 2)) {
        qmp_buf_consume(greeting, greeting->len);
        return -1;
    }
    return 0;
}

void greeting_from_version(struct qmp_buf *greeting,
                           const struct qmp_message *message)
{
    qmp_buf_consume(greeting, greeting->len);
    if (message->kind == QMP_RETURN &&
        message->value.len <= WORKER_GREETING_MAX)
        qmp_buf_printf(greeting, GREETING_HEAD "%.*s" GREETING_TAIL,
                       (int)message->value.len,
                       qmp_span_text(message, message->value));
}
