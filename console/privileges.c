/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon stays root, because log directories, saved states and control
 * sockets are root's; of root's capabilities it keeps:
 *
 *   CAP_CHOWN         a unix console's sockets belong to its reader
 *   CAP_DAC_OVERRIDE  outputs named by a toolstack may lie in a directory
 *                     of another user, libvirt's for example
 *
 * The rights over guests' memory and event channels are in the open
 * descriptors of /dev/xen; no new privileges come by exec.
 */
#include "privileges.h"

#include "log.h"

#include <errno.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Four descriptors for each possible domain, and a thousand more: what
 * Xen's daemon asks for. */
#define LIMIT_FILES (0x7ff0 * 4 + 1000)

void privileges_raise_limits(void)
{
    struct rlimit limit = { LIMIT_FILES, LIMIT_FILES };
    struct rlimit now;

    if (getrlimit(RLIMIT_NOFILE, &now) || now.rlim_cur >= LIMIT_FILES)
        return;
    if (setrlimit(RLIMIT_NOFILE, &limit) && now.rlim_cur < now.rlim_max) {
        limit.rlim_cur = limit.rlim_max = now.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int privileges_drop(void)
{
    static const cap_value_t kept[] = { CAP_CHOWN, CAP_DAC_OVERRIDE };
    const int n = sizeof(kept) / sizeof(kept[0]);
    cap_t caps = cap_init();
    int r = -1;

    if (caps && !cap_set_flag(caps, CAP_PERMITTED, n, kept, CAP_SET) &&
        !cap_set_flag(caps, CAP_EFFECTIVE, n, kept, CAP_SET) &&
        !cap_set_proc(caps) && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        r = 0;
    if (r)
        log_error("cannot give up privileges: %s", strerror(errno));
    cap_free(caps);
    return r;
}
