/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A listening UNIX socket's name in the file system, made and removed behind
 * its lane: the folder's file system may hang.
 *
 * A socket that is at the path is replaced: an earlier run left it, or it is
 * another domain's that the guest is about to leave (a migration to this
 * host). Anything else there is an error, EEXIST. So the path may become
 * another's: it is removed only if it still is this one's.
 */
#ifndef XENQMP_CONSOLE_CONTROL_BINDING_H
#define XENQMP_CONSOLE_CONTROL_BINDING_H

#include "console/files/lane.h"

#include <sys/types.h>
#include <sys/un.h>

/* In the loop: it listens, or an errno. */
typedef void binding_fn(void *data, int error);

struct binding {
    struct job job;
    /* readable, after fn */
    int fd;                     /* non-blocking; the binding's */
    /* private */
    struct lane *lane;
    struct sockaddr_un address;
    uid_t uid;
    dev_t dev;                  /* what was made at the path */
    ino_t ino;
    bool busy;
    int error;
    binding_fn *fn;             /* NULL: to be removed and freed */
    void *data;
};

/* The socket will have mode 0600 and belong to uid. NULL with errno. */
struct binding *binding_make(struct lanes *lanes, const char *path,
                             uid_t uid, binding_fn *fn, void *data);
/* Removes the name, then closes. fn is not called any more. NULL is
 * legal. */
void binding_remove(struct binding *binding);

/* -1 with errno: the path is too long for a socket. */
int binding_address(struct sockaddr_un *address, const char *path);

#endif
