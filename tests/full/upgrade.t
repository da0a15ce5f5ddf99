#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A host goes from Debian 12 to the release after it with xenqmp on it, and a guest that was saved
# before runs on. tests/distribution/before runs on the disk that
# tests/distribution/disk made; apt upgrades that, as the README says, in a root
# of its own, since under emulation it would take hours; then
# tests/distribution/after runs on what has come of it.
set -u

here=$SRCDIR/tests/distribution
disks=$XENQMP_BUILD/distribution
dir=$XENQMP_BUILD/upgrade
srcdir=$SRCDIR
. "$SRCDIR/tests/releases.sh"
from=$(release_of_host)
release_read "$from"
to=$next was=$xen
new=$XENQMP_BUILD/releases/$to/build
bail() {
    echo "Bail out! $*"
    exit 1
}

[ "$to" ] || bail "nothing is known to come after Debian $from"
"$here/disk" "$disks" >&2 || bail 'the disk was not made'
rm -rf "$dir"
mkdir -p "$dir"
make -C "$XENQMP_BUILD" deb >"$dir/deb.log" 2>&1 || bail "make deb; see $dir/deb.log"
"$SRCDIR/tests/release" $to "$XENQMP_BUILD" deb >"$dir/deb-$to.log" 2>&1 ||
    bail "make deb on $to; see $dir/deb-$to.log"
# Room for both releases' packages, and a saved guest.
cp --sparse=always "$disks/disk.img" "$dir/" && truncate -s 6G "$dir/disk.img" &&
    e2fsck -fp "$dir/disk.img" >&2 && resize2fs "$dir/disk.img" >&2 || bail 'no larger disk'
cp "$disks/xen" "$disks/vmlinuz" "$disks/dom0.initrd" "$dir"

# second_disk SCRIPT BUILD: what the first runs, with this build's packages.
second_disk() {
    rm -rf "$dir/tests" "$dir/tests.img"
    mkdir -p "$dir/tests/packages"
    cp "$2"/deb/*.deb "$dir/tests/packages"
    rm -f "$dir"/tests/packages/*-dbgsym_* "$dir"/tests/packages/*-dev_*
    cp "$here/$1" "$dir/tests/run"
    echo "was=$was xen=$xen" >"$dir/tests/versions"
    cp "$here/host.sh" "$SRCDIR/tests/system/dom0.sh" "$XENQMP_BUILD/system/overlay.root/count.img" "$dir/tests"
    mke2fs -q -t ext4 -d "$dir/tests" "$dir/tests.img" 64M || bail 'no second disk'
}
on_disk() { "$SRCDIR/tests/system/boot" -w -x ocaml -d "$dir" -l 7200 "$1"; }

second_disk before "$XENQMP_BUILD"
on_disk before >"$dir/before.out"
grep -v '^1\.\.' "$dir/before.out"
checks=$(grep -c -e '^ok' -e '^not ok' "$dir/before.out")

release_read $to
e2fsck -fp "$dir/disk.img" >&2
upgrade() {
    mkdir "$dir/root" && unshare --mount --pid --fork sh -ec '
        mount -o loop "$1/disk.img" "$1/root"
        cp /etc/resolv.conf "$1/root/etc/"
        mkdir "$1/root/packages"
        cp "$2"/deb/*.deb "$1/root/packages"
        rm -f "$1"/root/packages/*-dbgsym_* "$1"/root/packages/*-dev_*
        printf "#!/bin/sh\nexit 101\n" >"$1/root/usr/sbin/policy-rc.d"
        chmod 755 "$1/root/usr/sbin/policy-rc.d"
        sed -i "s/$3/$4/" "$1/root/etc/apt/sources.list"
        cat >"$1/root/upgrade" <<"END"
set -ex
mount -t proc proc /proc
apt="apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io"
$apt update
$apt dist-upgrade
$apt install "xen-hypervisor-$1-amd64" "xen-utils-$1"
$apt install /packages/*.deb
rm -r /usr/sbin/policy-rc.d /packages /var/cache/apt/archives
gunzip -c "/boot/xen-$1-amd64.gz" >/xen
END
        chroot "$1/root" env -i LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin \
            DEBIAN_FRONTEND=noninteractive sh /upgrade "$5"
        mv "$1/root/xen" "$1/xen"
        kernel=$(ls "$1"/root/boot/vmlinuz-* | sort -V | tail -n 1)
        cp "$kernel" "$1/vmlinuz"
        cp "$1/root/boot/initrd.img-${kernel#*/vmlinuz-}" "$1/dom0.initrd"
        rm "$1/root/upgrade"
        umount -R "$1/root"' - "$dir" "$new" $from $to "$xen"
}
checks=$((checks + 1))
if upgrade >"$dir/upgrade.log" 2>&1; then
    echo "ok $checks - upgraded to Debian $to"
else
    tail -n 20 "$dir/upgrade.log" | sed 's/^/# /'
    echo "not ok $checks - upgraded to Debian $to"
fi

second_disk after "$new"
on_disk after >"$dir/after.out"
awk -v n="$checks" '/^1\.\./ { next }
    /^(not )?ok / { k = $1 == "ok" ? 2 : 3; $k = ++n } { print } END { print "1.." n }' "$dir/after.out"
rm -f "$dir/disk.img" "$dir/tests.img"
