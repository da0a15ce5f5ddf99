/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where clients find one guest's QMP: the sockets at which the worker
 * accepts them. They are the parent's, so they outlive each worker.
 *
 *   clients     qmp-libxl-<guest> in Xen's directory: libxl, xl-qmp
 *   toolstack   where libxl expects a QEMU in dom0
 *   xentop      qmp-libxenstat-<guest> in Xen's directory: libxenstat
 *   monitoring  monitor-<guest> in xenqmp's, if configured: nobody but
 *               root gets into Xen's (Xen's start script makes it 0700)
 */
#ifndef XENQMP_LIBXL_HELPER_SOCKETS_H
#define XENQMP_LIBXL_HELPER_SOCKETS_H

#include "conf.h"
#include "socket.h"
#include "libxl/worker/worker.h"

struct helper_sockets {
    /* the caller sets */
    uint32_t domid, guest;      /* as in struct helper */
    const char *toolstack_path; /* absolute; libxl's words for it */
    const char *base;           /* ROOT_BASE; made by then */
    const struct helper_config *config;
    /* readable */
    struct helper_socket clients, toolstack, xentop, monitoring;
};

#define HELPER_SOCKETS_NONE {                                           \
        .clients.fd = -1, .toolstack.fd = -1, .xentop.fd = -1,          \
        .monitoring.fd = -1,                                            \
    }

/* -1 after a line. */
int sockets_listen_clients(struct helper_sockets *s);
int sockets_listen_toolstack(struct helper_sockets *s);
/* The other two. The guest does without one that can't be made, after a
 * line. */
void sockets_listen_lesser(struct helper_sockets *s);
/* What there is. s stays as it is as long as config is used. */
void sockets_pass(const struct helper_sockets *s,
                  struct worker_config *config);
/* Removes them. Idempotent. */
void sockets_close(struct helper_sockets *s);

#endif
