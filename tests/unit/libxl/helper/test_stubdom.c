/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper/stubdom.c: what Xen's words mean, on a Xen of one domain. */
#include "libxl/helper/stubdom.c"

#include "config.h"
#include "fake_store.h"
#include "tap.h"

#define DM 8

static xc_domaininfo_t domain = { .domain = DM };
static int asked, listed = 1;

xc_interface *xc_interface_open(xentoollog_logger *logger,
                                xentoollog_logger *dombuild,
                                unsigned int flags)
{
    (void)logger, (void)dombuild, (void)flags;
    return listed < -1 ? NULL : (xc_interface *)&domain;
}

int xc_interface_close(xc_interface *xc)
{
    check(xc == (xc_interface *)&domain);
    return 0;
}

int xc_domain_getinfolist(xc_interface *xc, uint32_t first,
                          unsigned int max, xc_domaininfo_t *info)
{
    (void)xc;
    check_int(first, DM);
    check_int(max, 1);
    asked++;
    *info = domain;
    return listed;
}

static int version;

int xc_version(xc_interface *xc, int cmd, void *arg)
{
    (void)xc, (void)arg;
    check_int(cmd, XENVER_version);
    return version;
}

static enum stubdom_state of_flags(uint32_t flags)
{
    domain.flags = flags;
    return stubdom_ask(DM);
}

#define SHUT(reason) (XEN_DOMINF_shutdown |                             \
                      (uint32_t)(reason) << XEN_DOMINF_shutdownshift)

TEST(each_way_to_be_is_told_from_the_others)
{
    check_int(of_flags(XEN_DOMINF_running), STUBDOM_RUNS);
    check_int(of_flags(XEN_DOMINF_blocked), STUBDOM_RUNS);
    check_int(of_flags(0), STUBDOM_RUNS);
    check_int(of_flags(XEN_DOMINF_paused), STUBDOM_PAUSED);
    check_int(of_flags(SHUT(SHUTDOWN_poweroff)), STUBDOM_SHUT_DOWN);
    check_int(of_flags(SHUT(SHUTDOWN_reboot)), STUBDOM_SHUT_DOWN);
    check_int(of_flags(SHUT(SHUTDOWN_crash)), STUBDOM_CRASHED);
    check_int(of_flags(SHUT(SHUTDOWN_watchdog)), STUBDOM_CRASHED);
    check_int(of_flags(SHUT(SHUTDOWN_suspend)), STUBDOM_RUNS);
    /* libxl pauses what it destroys. */
    check_int(of_flags(SHUT(SHUTDOWN_crash) | XEN_DOMINF_paused),
              STUBDOM_CRASHED);
    check_int(of_flags(SHUT(SHUTDOWN_crash) | XEN_DOMINF_dying),
              STUBDOM_DESTROYED);
}

TEST(one_that_is_not_there_is_destroyed_and_a_silent_xen_tells_nothing)
{
    listed = 0;
    check_int(of_flags(0), STUBDOM_DESTROYED);
    /* The next one there is. */
    listed = 1;
    domain.domain = DM + 1;
    check_int(of_flags(0), STUBDOM_DESTROYED);
    listed = -1;
    check_int(of_flags(0), STUBDOM_UNKNOWN);
    listed = -2;
    asked = 0;
    check_int(of_flags(0), STUBDOM_UNKNOWN);
    check_int(asked, 0);
}

TEST(it_is_told_once_and_not_after_a_failed_start)
{
    static struct startup startup;
    struct loop loop;
    struct stubdom stubdom = {
        .loop = &loop, .xs = fake_store, .guest = 7, .dm = DM,
        .startup = &startup,
    };

    check_int(loop_init(&loop), 0);
    domain.flags = 0;
    check(stubdom_look(&stubdom));
    check(!stubdom_look(&stubdom));
    check(!loop_timer_is_set(&stubdom.tell));
    domain.flags = SHUT(SHUTDOWN_poweroff);
    check(stubdom_look(&stubdom));
    check(loop_timer_is_set(&stubdom.tell));
    check(!stubdom_look(&stubdom));
    /* Silence is no change. */
    listed = -1;
    check(!stubdom_look(&stubdom));
    check_int(stubdom.state, STUBDOM_SHUT_DOWN);
    check_int(loop_run_once(&loop, -1), 0);
    check(!loop_timer_is_set(&stubdom.tell));
    stubdom_end(&stubdom);
}

TEST(another_xen_is_refused)
{
    version = XENQMP_XEN_MAJOR << 16 | XENQMP_XEN_MINOR;
    check_int(stubdom_check_xen(DM), 0);
    version = -1;
    check_int(stubdom_check_xen(DM), 0);
    version = 4 << 16 | 99;
    check_int(stubdom_check_xen(DM), -1);
    listed = -2;
    check_int(stubdom_check_xen(DM), 0);
}

TAP_MAIN()
