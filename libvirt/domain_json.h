/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A libxl_domain_config as JSON, which libxl writes and reads. The text is
 * libxl's own, so it is not checked.
 */
#ifndef XENQMP_LIBVIRT_DOMAIN_JSON_H
#define XENQMP_LIBVIRT_DOMAIN_JSON_H

#include <stdbool.h>

#include "libxl/qmp/buf.h"

/* The largest seen is 5 kB; one with a hundred disks has 30. */
#define DOMAIN_JSON_MAX (1u << 20)

/* A string of the object c_info. -1: there is none, or it doesn't fit. */
int domain_json_get(const struct qmp_buf *json, const char *key,
                    char *value_r, size_t size);

/* How many members an array of it has; 0 also if it has no such array. */
unsigned int domain_json_count(const struct qmp_buf *json, const char *array);

/* Whether an HVM guest is to have a SPICE server. */
bool domain_json_has_spice(const struct qmp_buf *json);

/* A key of the object b_info, whether or not it is there: as a string, as
 * a number. -1: errno; the text is as it was. */
int domain_json_set_string(struct qmp_buf *json, const char *key,
                           const char *value);
int domain_json_set_number(struct qmp_buf *json, const char *key,
                           unsigned long value);

#endif
