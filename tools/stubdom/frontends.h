/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stubdomain's disks that dom0 takes away.
 *
 * To change a CD, libxl (from Xen 4.20 on) removes a disk's nodes and makes
 * others of the same name at once. Linux looks into xenstore when it is told of
 * the first (drivers/xen/xenbus, xenbus_dev_changed()): if the second are there
 * by then, it has seen no disk go, and keeps one that is closed for ever. So a
 * frontend that is closed, of a backend that dom0 has taken offline, is removed
 * here, while libxl still runs its hotplug script for it; libxl would have
 * removed it next.
 */
#ifndef XENQMP_TOOLS_STUBDOM_FRONTENDS_H
#define XENQMP_TOOLS_STUBDOM_FRONTENDS_H

#include <xenstore.h>

#include "tools/common/loop.h"

struct frontends {
    /* the caller sets */
    struct loop *loop;
    struct xs_handle *xs;       /* this one's alone from then on */
    /* private */
    loop_id id;
};

/* -1: errno. */
int frontends_start(struct frontends *frontends);

#endif
