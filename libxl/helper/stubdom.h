/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stubdomain that ends while its guest runs. libxl leaves it as it is,
 * shut down, and the guest hangs in its next access to a device; so it is
 * told here, in one line of the log.
 */
#ifndef XENQMP_LIBXL_HELPER_STUBDOM_H
#define XENQMP_LIBXL_HELPER_STUBDOM_H

#include <stdint.h>
#include <xenstore.h>

#include "startup.h"
#include "tools/common/loop.h"
#include "tools/common/stubdom_state.h"

struct stubdom {
    /* the caller sets */
    struct loop *loop;
    struct xs_handle *xs;
    uint32_t guest, dm;
    const struct startup *startup;      /* may have told of it before */
    /* readable */
    enum stubdom_state state;   /* when last looked at */
    /* private */
    struct loop_timer tell;
};

#define STUBDOM_TOKEN "stubdom"

/* -1, after a line: another Xen runs than the one that this is built for. */
int stubdom_check_xen(uint32_t dm);
/* For events with that token; at each it is to be looked at. */
bool stubdom_watch(struct stubdom *stubdom);
/* Asks Xen. UNKNOWN: that failed. */
enum stubdom_state stubdom_ask(uint32_t dm);
/* Looks how it is; true if that has changed. An end is told once. */
bool stubdom_look(struct stubdom *stubdom);
/* It was destroyed, and the guest was not. */
void stubdom_tell_destroyed(struct stubdom *stubdom);
/* Idempotent, and legal before the first look. */
void stubdom_end(struct stubdom *stubdom);

#endif
