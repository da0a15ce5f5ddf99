/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A forked child that becomes a process of its own. */
#ifndef XENQMP_WORKER_PROCESS_H
#define XENQMP_WORKER_PROCESS_H

#include "worker_config.h"

/* Default signals, and no descriptor but 0 to 2 and the config's. */
int process_become_own(const struct worker_config *config);

/* A descriptor that turns readable when the parent ends. -1, ESRCH: it
 * has ended. */
int process_open_parent(const struct worker_config *config);

#endif
