/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What qmp-helper takes from the arguments by which libxl starts it: those
 * of a QEMU in dom0, of which the rest means nothing to it, or, from a
 * libxl that knows it (patches/), those of vchan-socket-proxy.
 */
#ifndef XENQMP_LIBXL_HELPER_ARGS_H
#define XENQMP_LIBXL_HELPER_ARGS_H

#include <stdbool.h>
#include <stdint.h>

struct helper_args {
    uint32_t domid;             /* -xen-domid */
    char toolstack[108];        /* where libxl expects QEMU's socket; */
    bool pv_backends;           /* -machine xenpv: no machine to emulate */
    const char *state_path;     /* where to say "running" in the proxy's */
                                /* slot, toolstack being the guest's socket */
                                /* then; NULL: in QEMU's slot */
    int probe_fd;               /* -machine none: libxl (from 4.20 on) asks */
                                /* on this listening socket what options */
                                /* QEMU has; -1: it doesn't */
    bool help, version, check_config;
};

/* -1 after one line on stderr: exit 2. */
int helper_args_parse(struct helper_args *args, int argc, char **argv);

#endif
