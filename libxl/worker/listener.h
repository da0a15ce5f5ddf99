/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A socket at which clients connect: whose service they get, and which
 * policy holds for them. */
#ifndef XENQMP_LIBXL_WORKER_LISTENER_H
#define XENQMP_LIBXL_WORKER_LISTENER_H

#include "clients.h"

struct listener {
    /* the caller sets */
    struct clients *clients;
    const struct service *service;
    void *server;
    const struct policy *policy;
    int fd;
    /* private */
    loop_id id;
    struct loop_timer retry;
    struct pace pace;
};

/* After the caller's fields were set. -1: errno. */
int listener_init(struct listener *listener);

#endif
