/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxl, from 4.20 on, first starts the program in QEMU's place without a
 * domain and asks it by QMP for the options that it knows, on a socket that
 * it passes on (libxl_dm.c, libxl__spawn_local_dm()).
 */
#ifndef XENQMP_LIBXL_WORKER_PROBE_H
#define XENQMP_LIBXL_WORKER_PROBE_H

/* Answers on fd, which listens, until libxl ends the process by SIGHUP. That
 * has PROBE_LIMIT_S, of libxl's own, after which it ends itself. Returns
 * only if it can't be done: -1. */
#define PROBE_LIMIT_S 60
int probe_run(int fd);

#endif
