/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guest's QEMU as a service for clients. */
#ifndef XENQMP_LIBXL_WORKER_GUEST_H
#define XENQMP_LIBXL_WORKER_GUEST_H

#include "worker_config.h"
#include "clients.h"
#include "mux.h"

struct guest {
    /* the caller sets */
    struct clients *clients;
    uint32_t guest_domid, dm_domid;
    const char *console_path, *control_path;
    const volatile struct display_counts *display;      /* NULL: none */
    void (*ask)(void *data);    /* how the stubdomain is */
    void *data;
    /* private */
    struct mux mux;
};

/* server: the struct guest. */
extern const struct service guest_service;

/* After the caller's fields were set; starts to connect. -1: no
 * memory. */
int guest_init(struct guest *guest);

/* How the stubdomain is. If it has ended, commands fail at once. */
void guest_stubdom(struct guest *guest, enum stubdom_state state);

#endif
