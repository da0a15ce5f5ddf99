/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The QEMU in dom0 that libxl believes it has started for the stubdomain's
 * own backends: just enough of one to answer what libxl asks it.
 */
#ifndef XENQMP_LIBXL_WORKER_TOOLSTACK_H
#define XENQMP_LIBXL_WORKER_TOOLSTACK_H

#include "client.h"

/* server: a const char *, the answer to query-vnc; NULL: no display. */
extern const struct service toolstack_service;
/* The same, asked before there is a domain (worker/probe.h). server: a
 * probe, which is told of libxl's last word before that is answered. */
struct probe {
    void (*quit)(void *data);
    void *data;
};
extern const struct service probe_service;

#endif
