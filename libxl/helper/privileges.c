/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "privileges.h"

#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>

int privileges_drop(void)
{
    static const cap_value_t kept[] = {
        CAP_SETUID, CAP_SETGID, CAP_SYS_CHROOT, CAP_SETPCAP, CAP_KILL,
    };
    const int n = sizeof(kept) / sizeof(kept[0]);
    cap_t caps = cap_init();
    bool ok = caps &&
              !cap_set_flag(caps, CAP_PERMITTED, n, kept, CAP_SET) &&
              !cap_set_flag(caps, CAP_EFFECTIVE, n, kept, CAP_SET) &&
              !cap_set_proc(caps) &&
              !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    int saved = errno;

    if (caps)
        cap_free(caps);
    errno = saved;
    return ok ? 0 : -1;
}

int privileges_heed_modes(bool on)
{
    static const cap_value_t modes[] = {
        CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
    };
    cap_t caps = cap_get_proc();
    int r = caps ? 0 : -1, saved;

    for (size_t i = 0; !r && i < sizeof(modes) / sizeof(modes[0]); i++) {
        cap_flag_value_t has = CAP_CLEAR;

        r = cap_get_flag(caps, modes[i], CAP_PERMITTED, &has) ||
            cap_set_flag(caps, CAP_EFFECTIVE, 1, &modes[i],
                         on ? CAP_CLEAR : has) ? -1 : 0;
    }
    if (!r)
        r = cap_set_proc(caps);
    saved = errno;
    if (caps)
        cap_free(caps);
    errno = saved;
    return r;
}
