/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-helper's display worker: lets viewers (RFB) see the display of the
 * QEMU in the stubdomain, over console 8 (docs/display-protocol.md). Who may
 * look is decided here; of pictures it knows nothing.
 */
#ifndef XENQMP_LIBXL_DISPLAY_DISPLAY_H
#define XENQMP_LIBXL_DISPLAY_DISPLAY_H

#include "libxl/child/child.h"
#include "libxl/child/counts.h"

#define DISPLAY_LISTENERS_MAX 2
#define DISPLAY_PASSWORD_MAX  8
#define DISPLAY_PATH_MAX      256

struct display_config {
    struct child_config child;  /* whose parent it outlives */
    /* "/console-8": xenconsoled's socket for the console, below root. */
    const char *console;
    /* Shared with those who read it. */
    struct display_counts *counts;
    int listen_fds[DISPLAY_LISTENERS_MAX];      /* inherited */
    bool listen_tls[DISPLAY_LISTENERS_MAX];     /* viewers have to use it */
    size_t listen_n;
    /* Read anew by each worker, before it gives up its rights (tls.h). */
    char tls_dir[DISPLAY_PATH_MAX];             /* "": no TLS */
    bool tls_verify;
    char password[DISPLAY_PASSWORD_MAX + 1];    /* "": none */
};

/*
 * Called in a forked child, which it makes its own, as worker_run() does.
 * Returns only if it cannot go on: the exit status for the parent's log.
 */
int display_run(const struct display_config *config);

#endif
