/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Xen says that some domain has ended (@releaseDomain in xenstore), but not
 * which. Were each helper to ask for its own, a hundred guests would make a
 * hundred ask at each end; xenconsoled, which has to ask for all, tells the
 * one that it is about (key `shut-down`). */
#include "stubdom.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenctrl.h>

#include "console.h"
#include "consoles.h"
#include "store.h"
#include "tools/common/log.h"
#include "tools/common/stubdom_log.h"
#include "tools/common/xen_version.h"

/* Its last words come by xenconsoled, which may be behind Xen; and whoever
 * looks at a start has looked meanwhile. */
#ifndef STUBDOM_WORDS_MS
#define STUBDOM_WORDS_MS 1000
#endif

int stubdom_check_xen(uint32_t dm)
{
    xc_interface *xc = xc_interface_open(NULL, NULL, 0);
    int version = xc ? xc_version(xc, XENVER_version, NULL) : -1;
    char why[XEN_VERSION_WHY_MAX];

    if (xc)
        xc_interface_close(xc);
    if (!xen_version_is_other(version, why))
        return 0;
    log_error("domain %u: %s", dm, why);
    return -1;
}

bool stubdom_watch(struct stubdom *stubdom)
{
    char path[STORE_PATH_MAX];

    snprintf(path, sizeof(path), CONSOLE_BACKEND "/shut-down", stubdom->dm,
             CONSOLE_QMP);
    return xs_watch(stubdom->xs, path, STUBDOM_TOKEN);
}

static enum stubdom_state state_of(const xc_domaininfo_t *info, uint32_t dm)
{
    unsigned int reason = (info->flags >> XEN_DOMINF_shutdownshift) &
                          XEN_DOMINF_shutdownmask;

    if (info->domain != dm || info->flags & XEN_DOMINF_dying)
        return STUBDOM_DESTROYED;
    if (info->flags & XEN_DOMINF_shutdown && reason != SHUTDOWN_suspend)
        return reason == SHUTDOWN_crash || reason == SHUTDOWN_watchdog ?
               STUBDOM_CRASHED : STUBDOM_SHUT_DOWN;
    return info->flags & XEN_DOMINF_paused ? STUBDOM_PAUSED : STUBDOM_RUNS;
}

enum stubdom_state stubdom_ask(uint32_t dm)
{
    xc_interface *xc = xc_interface_open(NULL, NULL, 0);
    enum stubdom_state state = STUBDOM_UNKNOWN;
    xc_domaininfo_t info;
    int n;

    if (!xc)
        return state;
    n = xc_domain_getinfolist(xc, dm, 1, &info);
    if (n >= 0)
        state = n ? state_of(&info, dm) : STUBDOM_DESTROYED;
    xc_interface_close(xc);
    return state;
}

/* What its log says of its end, if anything; and which log that is, to be
 * freed. */
static char *stubdom_words(const struct stubdom *stubdom, char *why_r,
                           size_t size)
{
    char *log = store_read(stubdom->xs, XBT_NULL,
                           "/local/domain/%u/console/output", stubdom->dm);
    bool file = log && !strncmp(log, "file:", 5);
    int fd = file ? open(log + 5, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;

    if (fd < 0 || !stubdom_log_failure(fd, why_r, size))
        *why_r = '\0';
    if (fd >= 0)
        close(fd);
    if (!file) {
        free(log);
        return NULL;
    }
    memmove(log, log + 5, strlen(log + 5) + 1);
    return log;
}

static void stubdom_say(void *data)
{
    const struct stubdom *stubdom = data;
    char why[512], *log;

    if (stubdom->startup->told)
        return;
    log = stubdom_words(stubdom, why, sizeof(why));
    log_error("domain %u: its stubdomain, domain %u, %s%s%s%s%s%s; the guest "
              "has no devices and no QMP any more: xl destroy it, and create "
              "it again", stubdom->guest, stubdom->dm,
              stubdom_state_text(stubdom->state), *why ? ": " : "", why,
              log ? " (its log is " : "", log ? log : "", log ? ")" : "");
    free(log);
}

void stubdom_tell_destroyed(struct stubdom *stubdom)
{
    stubdom->state = STUBDOM_DESTROYED;
    stubdom_say(stubdom);
}

bool stubdom_look(struct stubdom *stubdom)
{
    enum stubdom_state state = stubdom_ask(stubdom->dm);

    if (state == STUBDOM_UNKNOWN || state == stubdom->state)
        return false;
    stubdom->state = state;
    stubdom_end(stubdom);
    if ((state == STUBDOM_SHUT_DOWN || state == STUBDOM_CRASHED) &&
        loop_timer_set(stubdom->loop, &stubdom->tell, STUBDOM_WORDS_MS,
                       stubdom_say, stubdom))
        stubdom_say(stubdom);
    return true;
}

void stubdom_end(struct stubdom *stubdom)
{
    loop_timer_clear(stubdom->loop, &stubdom->tell);
}
