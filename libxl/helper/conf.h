/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the host's administrator says of all guests' QMP: qmp-helper.conf
 * (docs/qmp-sockets.md). What only root can write is believed.
 */
#ifndef XENQMP_HELPER_CONFIG_H
#define XENQMP_HELPER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "keyfile.h"

struct helper_config {
    /* readable */
    bool monitoring;            /* there is to be a monitoring socket, */
    gid_t group;                /* of this group, */
    mode_t mode;                /* with this mode, */
    char commands[KEYFILE_MAX];  /* for these (struct worker_socket) */
};

/* -1 after one line, which names domid: nothing of the file counts. A file
 * that isn't there, or sets nothing, is none. */
int helper_config_read(struct helper_config *config, const char *path,
                       uint32_t domid);

#endif
