/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libxl/qmp/json.h"
#include "libxl/qmp/message.h"

/* As much as qmp_message_member() looks at. */
static struct qmp_message as_message(const struct qmp_buf *json,
                                     struct qmp_span *whole_r)
{
    *whole_r = (struct qmp_span){ 0, json->len };
    return (struct qmp_message){ .text = json->data, .len = json->len };
}

int domain_json_get(const struct qmp_buf *json, const char *key,
                    char *value_r, size_t size)
{
    struct qmp_span whole, c_info, value;
    struct qmp_message message = as_message(json, &whole);

    if (!qmp_message_member(&message, whole, "c_info", &c_info) ||
        !qmp_message_member(&message, c_info, key, &value))
        return -1;
    return qmp_json_decode_string(qmp_span_text(&message, value), value.len,
                                  value_r, size);
}

unsigned int domain_json_count(const struct qmp_buf *json, const char *array)
{
    struct qmp_span whole, value, element = { 0, 0 };
    struct qmp_message message = as_message(json, &whole);
    unsigned int n = 0;

    if (qmp_message_member(&message, whole, array, &value))
        while (qmp_message_element(&message, value, &element))
            n++;
    return n;
}

bool domain_json_has_spice(const struct qmp_buf *json)
{
    static const char *const path[] = {
        "b_info", "type.hvm", "spice", "enable",
    };
    struct qmp_span value;
    struct qmp_message message = as_message(json, &value);

    for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++)
        if (!qmp_message_member(&message, value, path[i], &value))
            return false;
    return value.len == strlen("\"True\"") &&
           !memcmp(qmp_span_text(&message, value), "\"True\"", value.len);
}

/* The value in its place, or the member before all others. */
static int append_with(struct qmp_buf *edited, const struct qmp_buf *json,
                       const char *key, const char *value)
{
    struct qmp_span whole, b_info, old;
    struct qmp_message message = as_message(json, &whole);
    const char *rest;
    size_t members;
    int r;

    errno = EINVAL;
    if (!qmp_message_member(&message, whole, "b_info", &b_info) ||
        !qmp_message_members(&message, b_info, &members))
        return -1;
    if (qmp_message_member(&message, b_info, key, &old)) {
        r = qmp_buf_append(edited, json->data, old.off) ||
            qmp_buf_printf(edited, "%s", value);
    } else {
        old = (struct qmp_span){ b_info.off + 1, 0 };
        r = qmp_buf_append(edited, json->data, old.off) ||
            qmp_buf_printf(edited, "\"%s\": %s%s", key, value,
                           members ? ", " : "");
    }
    rest = json->data + old.off + old.len;
    return r ? -1 : qmp_buf_append(edited, rest, json->len - old.off -
                                                 old.len);
}

static int set(struct qmp_buf *json, const char *key, const char *value)
{
    struct qmp_buf edited;

    qmp_buf_init(&edited, json->max);
    if (append_with(&edited, json, key, value)) {
        qmp_buf_dispose(&edited);
        return -1;
    }
    qmp_buf_dispose(json);
    *json = edited;
    return 0;
}

int domain_json_set_string(struct qmp_buf *json, const char *key,
                           const char *value)
{
    struct qmp_buf quoted;
    int r;

    qmp_buf_init(&quoted, json->max);
    r = qmp_json_append_string(&quoted, value) ||
        qmp_buf_append(&quoted, "", 1) || set(json, key, quoted.data);
    qmp_buf_dispose(&quoted);
    return r ? -1 : 0;
}

int domain_json_set_number(struct qmp_buf *json, const char *key,
                           unsigned long value)
{
    char digits[32];

    snprintf(digits, sizeof(digits), "%lu", value);
    return set(json, key, digits);
}
