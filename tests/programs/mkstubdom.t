#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mkstubdom twice on the packages that the system tests boot: the same
# bytes, and the file of a guest that runs is not replaced without a reason.
set -u

. "$SRCDIR/tests/tap.sh"
image=$tmp/image
make() {
    STUBDOMD=$XENQMP_BUILD/bin/stubdomd "$XENQMP_BUILD/bin/mkstubdom" \
        -r "$XENQMP_BUILD/sysroot" -k "$(ls "$XENQMP_BUILD/sysroot/lib/modules" |
            tail -n 1)" -o "$image"
}
inodes() {
    stat -c %i "$image/vmlinuz" "$image/initrd"
}

ok 'it makes an image' make
ok 'a compressed archive with stubdomd and QEMU' sh -c \
    'gzip -dc "$0" | cpio -t --quiet | grep -cxE "init|usr/libexec/xen-qemu-system-i386" | grep -qx 2' \
    "$image/initrd"
inodes >"$tmp/before"
touch -d @0 "$image/vmlinuz" "$image/initrd"
echo another >"$tmp/other"
again() {
    make && inodes | diff "$tmp/before" -
}
ok 'the same packages give the same files, which stay' again
is_new() {
    [ "$image/vmlinuz" -nt "$tmp/other" ] && [ "$image/initrd" -nt "$tmp/other" ]
}
ok 'with the time of that look' is_new
changed() {
    echo older >"$image/initrd"
    make && [ "$(head -n 1 "$tmp/before")" = "$(inodes | head -n 1)" ] &&
        ! grep -qx older "$image/initrd" &&
        [ "$(tail -n 1 "$tmp/before")" != "$(inodes | tail -n 1)" ]
}
ok 'one that differs is replaced' changed
no_temporary() {
    find "$image" -name '.*.new' | diff - /dev/null
}
ok 'and nothing else is left there' no_temporary
plan
