/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether the Xen that runs is the one that this is built for: libxenctrl's
 * interface is another in each version. */
#ifndef XENQMP_TOOLS_COMMON_XEN_VERSION_H
#define XENQMP_TOOLS_COMMON_XEN_VERSION_H

#include <stdbool.h>
#include <stddef.h>

#define XEN_VERSION_WHY_MAX 160

/* version: as Xen gives it for XENVER_version; one that says nothing (-1)
 * passes for ours. why_r: for a line, if it is another. */
bool xen_version_is_other(int version, char why_r[XEN_VERSION_WHY_MAX]);

#endif
