/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the host's administrator says of all guests' QMP and displays:
 * qmp-helper.conf(5). What only root can write is believed.
 */
#ifndef XENQMP_LIBXL_HELPER_CONF_H
#define XENQMP_LIBXL_HELPER_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "keyfile.h"

struct helper_access {
    bool set;                   /* else it is root's alone, if there is one */
    gid_t group;                /* of the socket, */
    mode_t mode;                /* with this mode */
};

struct helper_config {
    /* readable */
    /* What is wrong with the file, of which nothing counts then; "": it is
     * right, or isn't there. */
    char wrong[512];
    struct helper_access monitoring;    /* there is to be such a socket, */
    char commands[KEYFILE_MAX];  /* for these (struct worker_socket) */
    struct helper_access vnc;   /* of displays' sockets */
    bool vnc_tcp;               /* displays have a port */
    char tls_dir[256];          /* with TLS, by this; "": without */
    bool tls_verify;
    /* private */
    bool has_mode[2], has_commands, has_verify;
};

/* A file that isn't there sets nothing. */
void helper_config_read(struct helper_config *config, const char *path);

#endif
