/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/common/xen_version.h"

#include "config.h"
#include "tap.h"

#define OURS (XENQMP_XEN_MAJOR << 16 | XENQMP_XEN_MINOR)

TEST(another_xen_is_told_with_both_versions)
{
    char why[XEN_VERSION_WHY_MAX], ought[XEN_VERSION_WHY_MAX];

    check(xen_version_is_other(4 << 16 | 99, why));
    snprintf(ought, sizeof(ought), "Xen 4.99 runs, and this xenqmp is built "
             "for %d.%d: install the one for Xen 4.99, or boot into %d.%d",
             XENQMP_XEN_MAJOR, XENQMP_XEN_MINOR, XENQMP_XEN_MAJOR,
             XENQMP_XEN_MINOR);
    check_str(why, ought);
}

TEST(either_number_counts)
{
    char why[XEN_VERSION_WHY_MAX];

    check(!xen_version_is_other(OURS, why));
    check(xen_version_is_other(OURS + 1, why));
    check(xen_version_is_other(OURS + (1 << 16), why));
}

TEST(numbers_of_any_length_fit)
{
    char why[XEN_VERSION_WHY_MAX];

    check(xen_version_is_other(0x7fffffff, why));
    check(strlen(why) < XEN_VERSION_WHY_MAX - 1);
}

TEST(a_silent_xen_passes_for_ours)
{
    char why[XEN_VERSION_WHY_MAX];

    check(!xen_version_is_other(-1, why));
}

TAP_MAIN()
