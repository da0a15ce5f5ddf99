/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's configuration, as xl would read it: the file, and behind it
 * the settings of the command line.
 */
#ifndef XENQMP_XL_GUEST_CONFIG_H
#define XENQMP_XL_GUEST_CONFIG_H

#include <stdbool.h>
#include <stdio.h>

#include <libxlutil.h>

#include "libxl/qmp/buf.h"

struct guest_config {
    /* readable */
    const char *path;           /* borrowed */
    /* private */
    struct qmp_buf text;
    XLU_Config *parsed;
    FILE *report;               /* libxlutil's complaints go there */
    char *complaint;
    size_t complaint_n;
};

void guest_config_init(struct guest_config *config);
/* Idempotent. */
void guest_config_dispose(struct guest_config *config);

/* Adds "key=value". -1: too long. */
int guest_config_set(struct guest_config *config, const char *setting);
/* Reads the file before what was set, and parses both. Complains. An exit
 * code of xl-qmp's. path must outlive the configuration. */
int guest_config_read(struct guest_config *config, const char *path);

/* After that: the value of a key, or NULL. */
const char *guest_config_get(const struct guest_config *config,
                             const char *key);
/* How many values the key's list has; 0 if it is none. */
unsigned int guest_config_count(const struct guest_config *config,
                                const char *key);
/* The i-th value of a list, or NULL behind its end. */
const char *guest_config_item(const struct guest_config *config,
                              const char *key, int i);

#endif
