/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One QMP message: what it is, and where in its text its members stand.
 *
 * Messages are never rebuilt: all but the id passes byte for byte, so that
 * numbers, key order and white space stay the sender's.
 *
 * Members: QEMU, docs/interop/qmp-spec (greeting "QMP", "return", "error",
 * "event" with "data" and "timestamp", "execute" and "exec-oob" with
 * "arguments", "id").
 */
#ifndef XENQMP_LIBXL_QMP_MESSAGE_H
#define XENQMP_LIBXL_QMP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Limits at the border, below QEMU's own (64 MiB, 1024 levels, 2 M tokens)
 * and above the largest reply known (query-qmp-schema, some 200 kB and
 * 50,000 tokens; "info mtree" is one string of hundreds of kB). */
#define QMP_MESSAGE_MAX        (8u << 20)
#define QMP_MESSAGE_DEPTH_MAX  128
#define QMP_MESSAGE_TOKENS_MAX 500000
/* For who is told that a reply was beyond them, with these for arguments. */
#define QMP_MESSAGE_LIMITS     "%u bytes, %u values or %u levels"
#define QMP_MESSAGE_LIMITS_ARGS \
    QMP_MESSAGE_MAX, QMP_MESSAGE_TOKENS_MAX, QMP_MESSAGE_DEPTH_MAX
/* A client's id is kept while its command is in flight. */
#define QMP_ID_MAX             1024

enum qmp_message_kind {
    QMP_GREETING,           /* has "QMP" */
    QMP_RETURN,             /* has "return" */
    QMP_ERROR,              /* has "error" */
    QMP_EVENT,              /* has "event", a string */
    QMP_COMMAND,            /* has "execute" or "exec-oob", a string */
};

/* Bytes of a message's text. len 0: the member is absent. */
struct qmp_span {
    size_t off, len;
};

struct qmp_message {
    /* readable */
    enum qmp_message_kind kind;
    const char *text;           /* borrowed from the caller */
    size_t len;
    /* The value of the member that makes the kind. */
    struct qmp_span value;
    struct qmp_span id;
    struct qmp_span arguments, data;
    bool oob;                   /* "exec-oob" */
    /* private */
    struct qmp_span id_member;  /* with key and one comma, if any */
    size_t first_member;        /* where a member can be inserted */
};

/* Checks the whole text (qmp/json.h, the limits above) and finds the
 * members. Refused besides: two of the members that make a kind, one of
 * the members above twice, escapes in a top-level key. False: *why_r says
 * what is wrong, a constant; message is then undefined. */
bool qmp_message_parse(struct qmp_message *message, const char *text,
                       size_t len, const char **why_r);

static inline const char *qmp_span_text(const struct qmp_message *message,
                                        struct qmp_span span)
{
    return message->text + span.off;
}

/* True if the span is the JSON string "value", written without escapes. */
bool qmp_span_is_string(const struct qmp_message *message,
                        struct qmp_span span, const char *value);

/* Appends the message with its id replaced by the n bytes at id, which are
 * JSON; inserted if it had none, removed if n is 0. No line end. */
int qmp_message_append_with_id(const struct qmp_message *message,
                               const char *id, size_t n,
                               struct qmp_buf *buf);

/* The name of an event or command, decoded. -1 if it does not fit. */
int qmp_message_name(const struct qmp_message *message, char *name_r,
                     size_t size);

/* Finds a member of the object at span. False if it has none or is no
 * object. The message must have been parsed. */
bool qmp_message_member(const struct qmp_message *message,
                        struct qmp_span object, const char *key,
                        struct qmp_span *value_r);

/* How many members the object at span has. False if it is no object. */
bool qmp_message_members(const struct qmp_message *message,
                         struct qmp_span object, size_t *n_r);

/* The first element of the array at span if *element_r is { 0, 0 }, then
 * the one behind *element_r. False if there is none, or no array. */
bool qmp_message_element(const struct qmp_message *message,
                         struct qmp_span array,
                         struct qmp_span *element_r);

/* "class" and "desc" of a QMP_ERROR, decoded, cut to fit, made printable;
 * "?" where absent. */
void qmp_message_error(const struct qmp_message *message, char *class_r,
                       size_t class_size, char *desc_r, size_t desc_size);

#endif
