#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The packages on a whole Debian, with systemd, Xen, AppArmor and libvirt
# from its own packages: tests/distribution/run in its dom0.
set -u

here=$SRCDIR/tests/distribution
dir=$XENQMP_BUILD/distribution
bail() {
    echo "Bail out! $*"
    exit 1
}

"$here/disk" "$dir" >&2 || bail 'the disk was not made'
make -C "$XENQMP_BUILD" deb >"$dir/deb.log" 2>&1 || bail "make deb; see $dir/deb.log"

# The second disk: the packages, an upgrade, the scenario, what guests boot.
tests=$dir/tests
system=$XENQMP_BUILD/system
rm -rf "$tests"
mkdir -p "$tests/packages" "$tests/upgrade" "$dir/upgrade" "$tests/count/bin"
cp "$XENQMP_BUILD"/deb/*.deb "$tests/packages"
rm -f "$tests"/packages/*-dbgsym_* "$tests"/packages/*-dev_*
for deb in "$tests"/packages/xenqmp*.deb; do
    rm -rf "$dir/upgrade"
    dpkg-deb -R "$deb" "$dir/upgrade" &&
        sed -i 's/^Version: .*/&+upgrade/' "$dir/upgrade/DEBIAN/control" &&
        dpkg-deb -Zgzip -z1 --root-owner-group -b "$dir/upgrade" "$tests/upgrade" >&2 ||
        bail "no upgrade of $deb"
done
rm -rf "$dir/upgrade"
cp "$here/run" "$here/host.sh" "$here/libvirt" "$SRCDIR/README.md" "$SRCDIR/tests/system/dom0.sh" \
    "$XENQMP_BUILD/tests/system/viewer" $system/overlay.root/*.img "$tests"
cp "$XENQMP_BUILD/sysroot/bin/busybox" "$tests/count/bin"
install -m755 "$here/count.init" "$tests/count/init"
(cd "$tests/count" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$tests/count.gz"
rm -rf "$tests/count"
rm -f "$dir/tests.img"
mke2fs -q -t ext4 -d "$tests" "$dir/tests.img" 64M || bail 'no second disk'

# What takes a minute on a real host takes ten here, and more on a busy one.
exec "$SRCDIR/tests/system/boot" -i amd -x ocaml -d "$dir" -l 7200 distribution
