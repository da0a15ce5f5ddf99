/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A forked child that becomes a process of its own. */
#ifndef XENQMP_LIBXL_CHILD_PROCESS_H
#define XENQMP_LIBXL_CHILD_PROCESS_H

#include "child.h"

/* Default signals, and no descriptor but 0 to 2, the config's, and fds
 * (at most CHILD_FDS_MAX; -1 is none). */
int process_become_own(const struct child_config *config, const int *fds,
                       size_t fds_n);

/* A descriptor that turns readable when the parent ends. -1, ESRCH: it
 * has ended. */
int process_open_parent(const struct child_config *config);

#endif
