/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xen_version.h"

#include <stdio.h>

#include "config.h"

bool xen_version_is_other(int version, char why_r[XEN_VERSION_WHY_MAX])
{
    int major = version >> 16, minor = version & 0xffff;

    if (version < 0 ||
        (major == XENQMP_XEN_MAJOR && minor == XENQMP_XEN_MINOR))
        return false;
    snprintf(why_r, XEN_VERSION_WHY_MAX, "Xen %d.%d runs, and this xenqmp is "
             "built for %d.%d: install the one for Xen %d.%d, or boot into "
             "%d.%d", major, minor, XENQMP_XEN_MAJOR, XENQMP_XEN_MINOR,
             major, minor, XENQMP_XEN_MAJOR, XENQMP_XEN_MINOR);
    return true;
}
