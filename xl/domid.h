/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The domain on a command line that is about consoles. A number needs no
 * Xen: xenconsoled knows its domains by number.
 */
#ifndef XENQMP_XL_DOMID_H
#define XENQMP_XL_DOMID_H

#include "host.h"

/* -1: complained. */
int domid_find(struct host *host, const char *name, uint32_t *domid_r);

#endif
