/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that xenqmp asks of a JSON library: this header is the border behind
 * which yajl can be replaced (Xen 4.21 and later prefer json-c).
 */
#ifndef XENQMP_LIBXL_QMP_JSON_H
#define XENQMP_LIBXL_QMP_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* What a text may cost before it is refused. */
struct qmp_json_limits {
    unsigned int depth;         /* nested arrays and objects */
    size_t tokens;              /* values, keys and brackets */
};

/* True if the n bytes at text are exactly one JSON value (RFC 8259, valid
 * UTF-8) within the limits. Otherwise false and *why_r, a constant. */
bool qmp_json_check(const char *text, size_t n,
                    const struct qmp_json_limits *limits,
                    const char **why_r);
/* True if that is what it said of a text that is beyond the limits, and
 * may well be JSON. */
bool qmp_json_is_limit(const char *why);

/* Decodes the JSON string at text (quotes included) into at most size
 * bytes, terminated; cut at a NUL. -1 if it is none or doesn't fit. */
int qmp_json_decode_string(const char *text, size_t n, char *value_r,
                           size_t size);

/* Appends value as a JSON string, quotes included. bytes that are no valid
 * UTF-8 become '?'. */
struct qmp_buf;
int qmp_json_append_string(struct qmp_buf *buf, const char *value);

#endif
