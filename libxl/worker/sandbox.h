/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gives up every right that the worker doesn't need. */
#ifndef XENQMP_WORKER_SANDBOX_H
#define XENQMP_WORKER_SANDBOX_H

#include "worker_config.h"

/* The caller must have opened what connect() and accept() can't give.
 * -1: something of it failed and was logged; the process must end. */
int sandbox_enter(const struct worker_config *config);

#endif
