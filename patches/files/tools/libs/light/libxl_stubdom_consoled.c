/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which xenconsoled runs: one that serves all consoles of a domain says so
 * in xenstore.
 */
#include "libxl_osdeps.h" /* must come before any other headers */

#include "libxl_internal.h"

#define CONSOLED_FEATURE "/tool/xenconsoled/feature-secondary-consoles"

int libxl__stubdom_consoles_check(libxl__gc *gc)
{
    const char *feature;
    int rc;

    rc = libxl__xs_read_checked(gc, XBT_NULL, CONSOLED_FEATURE, &feature);
    if (rc) return rc;

    if (!feature || strcmp(feature, "1")) {
        LOG(ERROR, "stubdomain_transport \"console\" needs a xenconsoled "
            "that serves all consoles of a domain; the one that runs does "
            "not say so in " CONSOLED_FEATURE);
        return ERROR_FAIL;
    }
    return 0;
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
