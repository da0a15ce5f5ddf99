/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A simulated libxl as far as it would need a hypervisor: what is given to
 * its functions that create domains is kept. A shared library, for that is
 * what another library can be preloaded before.
 */
#ifndef XENQMP_TESTS_UNIT_FAKE_LIBXL_H
#define XENQMP_TESTS_UNIT_FAKE_LIBXL_H

#include <libxl.h>

struct fake_libxl {
    /* readable */
    const char *called;             /* which function, or NULL */
    libxl_domain_config *config;
    int restore_fd, send_back_fd;
    const libxl_domain_restore_params *params;
    /* the caller sets */
    int rc;
    const char *json;               /* a configuration's, if not libxl's own */
};

extern struct fake_libxl fake_libxl;

#endif
