/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domid.h"

#include "tools/common/log.h"

#include <stdlib.h>

int domid_find(struct host *host, const char *name, uint32_t *domid_r)
{
    char *end;
    unsigned long number = strtoul(name, &end, 10);

    switch (host_find(host, name, domid_r)) {
    case HOST_FOUND:
        return 0;
    case HOST_NO_XEN:
        if (*name >= '0' && *name <= '9' && !*end && number <= UINT32_MAX) {
            *domid_r = (uint32_t)number;
            return 0;
        }
        log_error("cannot talk to Xen to find domain %s; run this as root "
                  "in dom0, or give its number", name);
        return -1;
    case HOST_NO_DOMAIN:
        break;
    }
    log_error("there is no domain %s; xl list shows those that run", name);
    return -1;
}
