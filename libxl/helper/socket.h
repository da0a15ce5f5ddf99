/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A listening UNIX socket at a path where another's may stand: bound under
 * a temporary name and renamed over it, so that there is never none. Taken
 * away only if it is still the one that was made.
 */
#ifndef XENQMP_LIBXL_HELPER_SOCKET_H
#define XENQMP_LIBXL_HELPER_SOCKET_H

#include <sys/types.h>

struct helper_socket {
    /* readable */
    int fd;                     /* listening, or -1 */
    char path[108];
    /* private */
    dev_t dev;
    ino_t ino;
};

/* -1: errno; the socket then holds nothing. Mode 0600. */
int helper_socket_listen(struct helper_socket *s, const char *path);
/* The same for a group, and with that mode: from its first moment. */
int helper_socket_listen_for(struct helper_socket *s, const char *path,
                             gid_t group, mode_t mode);
/* Closes and unlinks. Idempotent. */
void helper_socket_dispose(struct helper_socket *s);

#endif
