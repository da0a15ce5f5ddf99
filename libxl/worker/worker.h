/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-helper's worker: the process that touches QMP. It lets many clients
 * share the QMP console of one stubdomain, with no more rights than that
 * takes. Its parent makes the sockets, forks it and restarts it.
 */
#ifndef XENQMP_LIBXL_WORKER_WORKER_H
#define XENQMP_LIBXL_WORKER_WORKER_H

#include "worker_config.h"

/*
 * Called in a forked child, which it makes its own: it closes every
 * descriptor but 0 to 2 and those above, and resets the signal mask. Logs by
 * log.h; call log_open() first.
 *
 * Returns only if it cannot go on: the exit status for the parent's log.
 */
int worker_run(const struct worker_config *config);

#endif
