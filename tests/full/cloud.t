#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's kernel for clouds in the stubdomain, which takes less memory: all that
# a stubdomain's kernel is needed for.
set -e
build=$XENQMP_BUILD/cloud
"$SRCDIR/tests/system/sysroot" "$build/sysroot" linux-image-cloud-amd64 >&2
"$SRCDIR/tests/system/image" "$build/sysroot" "$XENQMP_BUILD/system/installed" \
    "$build/system" "$XENQMP_BUILD/tests/bench/qmp_latency" "$XENQMP_BUILD/tests/system/viewer" >&2
XENQMP_BUILD=$build exec "$SRCDIR/tests/system/boot" -x c -i amd \
    smoke save serial disks network memory display pci
