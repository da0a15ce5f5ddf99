#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# AppArmor profiles: as installed they are what the parser takes, are for
# the programs that are installed, and allow what the code says that it
# needs. That they suffice is seen on a host with AppArmor only.
set -u

. "$SRCDIR/tests/tap.sh"

install_build
profiles=$tmp/root/etc/apparmor.d
console=$profiles/xenqmp-xenconsoled
helper=$profiles/xenqmp-helper

# No kernel with AppArmor is needed: -Q loads nothing, -K keeps nothing.
parses() {
    apparmor_parser -Q -K -I "$profiles" "$@"
}
ok 'the parser takes the profile of xenconsoled' parses "$console"
ok 'and that of qmp-helper' parses "$helper"

{
    printf 'include <tunables/global>\nprofile libvirtd /usr/sbin/libvirtd {\n'
    echo 'include <abstractions/xenqmp-libvirtd>'
    echo '}'
} >"$tmp/libvirtd"
ok "and libvirtd's with ours" parses "$tmp/libvirtd"
# A wrong rule in it is seen.
included() {
    echo 'frobnicate,' >>"$profiles/abstractions/xenqmp-libvirtd"
    ! parses "$tmp/libvirtd"
}

# The program that profile $1 is attached to.
attached() {
    parses -N "$1" >"$tmp/names"
    program=$(sed -n 's/^profile [a-z-]* \([^ ]*\).*/\1/p' "$1")
    echo "$program"
    [ -x "$tmp/root$program" ] && grep -qxF "${1##*/}" "$tmp/names"
}
ok "xenconsoled's is for the program that is installed" attached "$console"
ok "qmp-helper's as well" attached "$helper"
ok 'libvirtd may start qmp-helper, under its profile' \
    grep -q '^ */usr/libexec/xenqmp/qmp-helper PUx,' "$profiles/abstractions/xenqmp-libvirtd"

# Capabilities that $2 keeps are in profile $1.
capabilities() {
    sed -n '/kept\[\] = {/,/};/p' "$2" | sed '/};/q' | grep -oE 'CAP_[A-Z_]+' |
        sed 's/^CAP_//' | tr A-Z a-z >"$tmp/kept"
    [ -s "$tmp/kept" ] || return 1
    while read -r capability; do
        grep -q "^ *capability $capability,\$" "$1" || echo "$capability"
    done <"$tmp/kept" | diff - /dev/null
}
ok 'xenconsoled has the capabilities that it keeps' \
    capabilities "$console" "$SRCDIR/console/daemon/privileges.c"
ok 'and qmp-helper' capabilities "$helper" "$SRCDIR/libxl/helper/privileges.c"

devices() {
    sed -n 's/^DeviceAllow=\(.*\) rw/\1/p' "$SRCDIR/console/xenqmp-xenconsoled.service.in" \
        >"$tmp/devices"
    [ -s "$tmp/devices" ] || return 1
    while read -r device; do
        grep '^ */dev/xen/{' "$console" | tr '{,}' '\n' |
            grep -qx "${device##*/}" || echo "$device"
    done <"$tmp/devices" | diff - /dev/null
}
ok "xenconsoled has the unit's devices" devices

# Each path at which qmp-helper looks for QEMU: as a rule's, unfolded.
qemus() {
    sed -n '/define HELPER_QEMU_PATHS/,/^$/p' "$SRCDIR/libxl/helper/qemu.c" |
        grep -oE '"/[^"]+"' | tr -d '"' >"$tmp/qemus"
    [ -s "$tmp/qemus" ] || return 1
    sed -n 's/^ *\(\/[^ ]*qemu-system[^ ]*\) Ux,/\1/p' "$helper" |
        bash -c 'while read -r rule; do eval "printf \"%s\\n\" $rule"; done' >"$tmp/rules"
    while read -r path; do
        grep -qxF "$path" "$tmp/rules" || echo "$path"
    done <"$tmp/qemus" | diff - /dev/null
}
ok 'qmp-helper may start each QEMU that it looks for' qemus
ok 'what is wrong in there would be seen' included

plan
