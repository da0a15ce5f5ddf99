/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xen/hv.c: whether the Xen that runs is the one that this is built for. */
#include "console/xen/hv.c"

#include "config.h"
#include "tap.h"

#define OURS (XENQMP_XEN_MAJOR << 16 | XENQMP_XEN_MINOR)

static int version;
static char nothing;

xc_interface *xc_interface_open(xentoollog_logger *logger,
                                xentoollog_logger *dombuild,
                                unsigned int flags)
{
    (void)logger, (void)dombuild, (void)flags;
    return (xc_interface *)&nothing;
}

int xc_interface_close(xc_interface *xc)
{
    check(xc == (xc_interface *)&nothing);
    return 0;
}

int xc_version(xc_interface *xc, int cmd, void *arg)
{
    (void)xc, (void)arg;
    check_int(cmd, XENVER_version);
    return version;
}

/* What comes next is not of interest. */
xenevtchn_handle *xenevtchn_open(xentoollog_logger *logger,
                                 unsigned int flags)
{
    (void)logger, (void)flags;
    errno = ENOENT;
    return NULL;
}

/* In its own line that is said, with both versions. */
static bool is_other(void)
{
    FILE *said = tmpfile();
    char line[512];
    bool other;

    check(said && dup2(fileno(said), STDERR_FILENO) >= 0);
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_INFO);
    check(!hv_open(&other));
    rewind(said);
    check(fgets(line, sizeof(line), said));
    check(strstr(line, other ? "Xen 4.99 runs, and this xenqmp is built for "
                 : "cannot use event channels"));
    check(!fgets(line, sizeof(line), said));
    return other;
}

TEST(another_xen_is_refused_in_one_line)
{
    version = 4 << 16 | 99;
    check(is_other());
}

TEST(its_own_is_served)
{
    version = OURS;
    check(!is_other());
}

TEST(one_that_says_nothing_is_tried)
{
    version = -1;
    check(!is_other());
}

TAP_MAIN()
