/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directory of one domain, /run/xenqmp/<domid>: root's own, for others
 * to pass through only. xenconsoled binds console 3's sockets there, and it
 * is the worker's root directory.
 */
#ifndef XENQMP_LIBXL_HELPER_ROOT_H
#define XENQMP_LIBXL_HELPER_ROOT_H

#include <stdbool.h>
#include <stdint.h>

#define ROOT_BASE "/run/xenqmp"

struct helper_root {
    /* readable */
    char path[96];              /* "": there is none */
    /* private */
    char base[64];
};

/* -1: errno; there is none then. base is made too. */
int helper_root_make(struct helper_root *root, const char *base,
                     uint32_t domid);
/* With what is left in it; base too if it was the last. Idempotent. */
void helper_root_remove(struct helper_root *root);
/* The same for the domains that is_gone() says are: a helper that was killed
 * has left them. */
void helper_root_sweep(const char *base,
                       bool (*is_gone)(void *data, uint32_t domid),
                       void *data);

#endif
