#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Debian packages: built, looked through by lintian, and installed, triggered
# and removed by dpkg. That happens on a copy-on-write view of this machine
# with the unpacked packages of a Xen host over it (overlayfs, a namespace of
# its own, processes included): the machine itself gets nothing. Root, or a
# kernel that lets users have namespaces.
set -u

if [ "${1:-}" != inside ]; then
    map=
    [ "$(id -u)" = 0 ] || map=--map-root-user
    exec unshare $map --mount --pid --fork --mount-proc "$0" inside
fi

tmp=$(mktemp -d) || exit 1
trap 'umount -l "$tmp/over" "$tmp/layers" 2>/dev/null
      rm -rf --one-file-system "$tmp"' EXIT
sysroot=$XENQMP_BUILD/sysroot
debs=$XENQMP_BUILD/deb
n=0
ok() {
    n=$((n + 1))
    name=$1
    shift
    if "$@" >"$tmp/log" 2>&1; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        tail -20 "$tmp/log" | sed 's/^/# /'
    fi
}

ok 'make deb' make -C "$XENQMP_BUILD" deb

clean() {
    lintian --allow-root --fail-on error,warning "$debs"/*.changes \
        >"$tmp/lintian" 2>&1 && diff "$tmp/lintian" /dev/null
}
ok 'lintian finds nothing' clean

overrides() {
    find "$debs" -name '*lintian-overrides*' | diff - /dev/null
}
ok 'without being told to' overrides

version() {
    grep -q "^xenqmp ($(cat "$SRCDIR/VERSION")) " "$SRCDIR/debian/changelog"
}
ok 'the version is that of the sources' version

# The paths in package $1.
contents() {
    dpkg-deb --fsys-tarfile "$debs/$1"_[0-9]*.deb | tar -t | sed 's,^\./,/,'
}
contains() {
    contents "$1" >"$tmp/contents"
    shift
    for path; do
        grep -qxF "$path" "$tmp/contents" || { echo "$path"; return 1; }
    done
}
xen_version=$(basename "$(readlink "$sysroot/xen")")
xen_version=${xen_version#xen-}
xen=/usr/lib/xen-$xen_version/bin/xenconsoled
unit=xenqmp-xenconsoled.service
multiarch=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
units=$(contents xenqmp | sed -n "s,\(.*lib/systemd/system\)/$unit\$,\1,p")
ok 'xenqmp' contains xenqmp $xen /usr/bin/xl-qmp \
    /usr/libexec/xenqmp/xenconsoled /usr/libexec/xenqmp/qmp-helper \
    "$units/$unit" /etc/logrotate.d/xenqmp \
    /usr/share/man/man1/xl-qmp.1.gz /usr/share/man/man8/xenconsoled.8.gz \
    /usr/share/man/man5/stubdom.conf.5.gz \
    /etc/apparmor.d/xenqmp-xenconsoled /etc/apparmor.d/xenqmp-helper \
    /etc/apparmor.d/abstractions/xenqmp-libvirtd \
    "$multiarch/xenqmp/libvirt-stubdom.so" \
    "$units/libvirtd.service.d/xenqmp.conf" \
    /usr/share/doc/xenqmp/console-control.md
ok 'xenqmp-stubdom' contains xenqmp-stubdom /usr/bin/mkstubdom \
    /usr/libexec/xenqmp/stubdomd /usr/share/man/man8/mkstubdom.8.gz
ok 'libxlqmp0' contains libxlqmp0 "$multiarch/libxlqmp.so.0"
ok 'libxlqmp-dev' contains libxlqmp-dev "$multiarch/libxlqmp.so" \
    /usr/include/libxl_qmp.h "$multiarch/pkgconfig/xlqmp.pc" \
    /usr/share/man/man3/xlqmp_open.3.gz

# --- Installing ---------------------------------------------------------------

# Upon the machine's own files those of the packages; they in an overlay of
# their own, for one of two layers may not be within the other.
root=$tmp/over
overlay() {
    mkdir -p "$tmp/layers/$1.upper" "$tmp/layers/$1.work" "$3" &&
        mount -t overlay "$1" -o "lowerdir=$2,upperdir=$tmp/layers/$1.upper,workdir=$tmp/layers/$1.work" "$3"
}
{
    mkdir "$tmp/layers" && mount -t tmpfs layers "$tmp/layers" &&
        overlay xen "$sysroot" "$tmp/layers/xen" &&
        overlay host "$tmp/layers/xen:/" "$root" &&
        mount --rbind /dev "$root/dev" && mount --rbind /proc "$root/proc" &&
        mount -t tmpfs run "$root/run"
} || {
    echo 'Bail out! no overlay of this machine can be mounted'
    exit 1
}
mkdir "$root/debs"
cp "$debs"/*.deb "$root/debs"
rm "$root"/debs/*-dbgsym_*
original=$sysroot$xen

inside() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C \
        DEBIAN_FRONTEND=noninteractive "$@"
}

# Packages whose files are there, as dpkg has to know them.
for package in "xen-utils-${xen_version}" qemu-system-xen qemu-system-data seabios \
    ipxe-qemu linux-image-amd64; do
    inside dpkg-query -W "$package" >/dev/null 2>&1 ||
        printf '%s\n' "Package: $package" 'Status: install ok installed' \
            'Maintainer: none' 'Architecture: amd64' 'Version: 99' \
            'Description: unpacked for a test' ''
done >"$tmp/unpacked"
cat "$tmp/unpacked" >>"$root/var/lib/dpkg/status"

# A process under the name and pid file of Xen's daemon.
cat >"$root/run/xenconsoled" <<'SH'
#!/bin/sh
trap 'exit 0' TERM
echo $$ >/run/xenconsoled.pid
echo ready >/run/started
read -r line <>/run/never
SH
chmod +x "$root/run/xenconsoled"
mkfifo "$root/run/started" "$root/run/never"
inside /run/xenconsoled &
daemon=$!
timeout 300 cat "$root/run/started" >/dev/null

ok 'they can be installed' inside sh -c 'dpkg -i /debs/*.deb'
diverted() {
    cmp "$original" "$root$xen.xen" && cmp "$SRCDIR/debian/xenconsoled" "$root$xen"
}
ok "Xen's start script finds our xenconsoled, Xen's is kept" diverted
ended() {
    wait $daemon && [ ! -e "$root/run/xenconsoled.pid" ]
}
ok 'the daemon that ran has ended' ended
ok 'the unit is enabled' \
    test -L "$root/etc/systemd/system/multi-user.target.wants/$unit"
# What the script runs, as it would.
without_systemd() {
    inside $xen --version | grep -q '^xenconsoled of xenqmp'
}
ok 'without systemd the script starts ours, with its options' without_systemd
with_systemd() {
    mkdir -p "$root/run/systemd/system" && inside $xen --version >"$tmp/out" &&
        rmdir "$root/run/systemd/system" && diff "$tmp/out" /dev/null
}
ok 'with systemd nothing, for there is the unit' with_systemd
image=$root/var/lib/xenqmp/stubdom
ok 'the image was made of the installed kernel' \
    grep -aqF "$(ls "$sysroot/lib/modules") " "$image/vmlinuz"
ok 'with an initramfs' sh -c 'cpio -t --quiet <"$1" | grep -qx init' - "$image/initrd"

renewed() {
    : >"$image/initrd"
    inside dpkg-trigger --by-package=linux-image "$1" &&
        inside dpkg --triggers-only -a && [ -s "$image/initrd" ]
}
ok 'a kernel renews it' renewed /boot
ok 'also where that lies with its modules' renewed /usr/lib/modules
ok 'and QEMU' renewed /usr/libexec/xen-qemu-system-i386
ok "and its NICs' ROMs, where Debian 13 has them" renewed /usr/share/qemu

ok 'xl-qmp runs' inside xl-qmp --version
ok 'the manual is there' inside test -s /usr/share/man/man7/xenqmp.7.gz
ok 'an upgrade keeps all that' inside sh -c 'dpkg -i /debs/*.deb'
ok "and Xen's xenconsoled" diverted

# As under systemd on a Xen that they are not for, before a reboot.
mkdir -p "$root/sys/hypervisor/version" "$root/run/systemd/system"
echo 4 >"$root/sys/hypervisor/version/major"
echo 99 >"$root/sys/hypervisor/version/minor"
inside /run/xenconsoled &
daemon=$!
timeout 300 cat "$root/run/started" >/dev/null
other_xen() {
    inside sh -c 'dpkg -i /debs/xenqmp_*.deb' >"$tmp/said" 2>&1
    cat "$tmp/said"
    grep -q "^xenqmp: Xen 4.99 runs, and this is for Xen $xen_version: " "$tmp/said" &&
        kill -0 $daemon && [ -e "$root/run/xenconsoled.pid" ]
}
ok "on another Xen its own daemon goes on, and a line says so" other_xen
rm -r "$root/sys/hypervisor" "$root/run/systemd"

ok 'they can be removed' inside dpkg --remove xenqmp xenqmp-stubdom
ok "Xen's xenconsoled is back" cmp "$original" "$root$xen"
ok 'they can be purged' inside dpkg --purge xenqmp \
    xenqmp-stubdom libxlqmp0 libxlqmp-dev
left() {
    {
        inside dpkg-divert --list '*xenconsoled*'
        find "$root/var/lib/xenqmp" "$root/usr/libexec/xenqmp" \
            "$root/etc/logrotate.d/xenqmp" 2>/dev/null
        find "$root/etc/systemd" "$root/lib/systemd" "$root/etc/apparmor.d" \
            "$root$multiarch" "$root$xen.xen" \
            -name '*xenqmp*' -o -name '*.xen' 2>/dev/null
    } | diff - /dev/null
}
ok 'nothing is left' left

echo "1..$n"
