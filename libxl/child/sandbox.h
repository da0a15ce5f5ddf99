/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gives up every right that a child doesn't need. */
#ifndef XENQMP_LIBXL_CHILD_SANDBOX_H
#define XENQMP_LIBXL_CHILD_SANDBOX_H

#include "child.h"

#include <sys/resource.h>

struct sandbox_limits {
    rlim_t descriptors;
    rlim_t memory;              /* bytes of address space, program included */
};

/* The caller must have opened what connect() and accept() can't give.
 * -1: something of it failed and was logged; the process must end. */
int sandbox_enter(const struct child_config *config,
                  const struct sandbox_limits *limits);

#endif
