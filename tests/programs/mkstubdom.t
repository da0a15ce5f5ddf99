#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mkstubdom on the packages that the system tests boot: how large the image
# is, that the same packages give the same bytes however it is called, which
# kernel and which firmware is in it, and that the file of a guest that runs
# is not replaced without a reason.
set -u

. "$SRCDIR/tests/tap.sh"
srcdir=$SRCDIR
. "$SRCDIR/tests/releases.sh"
release_read "$(release_of_host)"
image=$tmp/image
sysroot=$XENQMP_BUILD/sysroot
kver=$(ls "$sysroot/lib/modules" | tail -n 1)
packed=$sysroot/boot/vmlinuz-$kver
[ -e "$packed" ] || packed=$sysroot/lib/modules/$kver/vmlinuz
roms=$(cd "$sysroot" && find usr -name efi-e1000.rom)
roms=/${roms%/*}
mkstubdom=$XENQMP_BUILD/bin/mkstubdom
export STUBDOMD="$XENQMP_BUILD/bin/stubdomd"
make() {
    "$mkstubdom" -r "$sysroot" -k "$kver" -o "$image" "$@"
}
# What is in DIR/initrd, and in the squashfs there.
files() {
    cpio -t --quiet <"$1/initrd"
}
squashfs() {
    cpio -i --quiet --to-stdout usr.squashfs <"$1/initrd" >"$tmp/squashfs"
}
unpack() {
    rm -rf "$1"
    mkdir "$1" && cpio -id --quiet -D "$1" <"$image/initrd" &&
        unsquashfs -q -n -f -d "$1/usr" "$1/usr.squashfs"
}
inodes() {
    stat -c %i "$image/vmlinuz" "$image/initrd"
}

ok 'it makes an image' make
has_both() {
    files "$image" | grep -qx init && squashfs "$image" &&
        unsquashfs -l -d '' "$tmp/squashfs" | grep -qx /libexec/xen-qemu-system-i386
}
ok 'stubdomd in an archive, QEMU compressed in there' has_both
# A second copy of what both need would cost each guest memory.
once() {
    unsquashfs -l -d '' "$tmp/squashfs" >"$tmp/list"
    ! files "$image" | sed -n 's,^lib/,/lib/,p' | grep -Fxf - "$tmp/list"
}
ok 'no library is in both' once
# The drivers of NICs and of PCI devices are for whoever has some.
are_apart() {
    list() { unsquashfs -cat "$tmp/squashfs" "modules/$kver/$1"; }
    list pci | grep -q xen-pcifront && list network | grep -q xen-netfront &&
        ! list list | grep -e xen-pcifront -e xen-netfront -e bridge
}
ok 'drivers of NICs and PCI devices are not loaded with the others' are_apart
ok 'what is in it stands beside it' \
    test "$(sed '/^memory/d' "$image/contents")" = "kernel=$kver
pci=yes
waits=yes"
# Less than the kernel alone would be wrong, and more than all four disks, two
# NICs and a display may have.
memory() { sed -n "s/^memory$1=//p" "$image/contents"; }
all=$(($(memory '') + $(memory _display) + 4 * $(memory _disk) + 2 * $(memory _nic)))
echo "# memory: $(memory '') MiB, with everything on $all MiB"
ok "and how much memory it needs, at most $memory_mib MiB with everything on" \
    test "$(memory '')" -gt 64 -a "$all" -le "$memory_mib"
# A disk, a NIC and the display that an HVM guest has by default, on the releases
# for which README says so.
written=$(sed -n 's/^ *stubdomain_memory = //p' "$srcdir/README.md")
needed=$(($(memory '') + $(memory _display) + $(memory _disk) + $(memory _nic)))
case $(release_of_host) in
bookworm | trixie)
    ok "README's guest, which needs $needed MiB, has $written" test "$needed" -le "$written" ;;
esac
size=$(stat -c %s "$image/initrd")
echo "# initrd: $size bytes, vmlinuz: $(stat -c %s "$image/vmlinuz") bytes"
ok "of less than $initrd_mib MiB" test "$size" -lt $((initrd_mib << 20))

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

magic() {
    [ "$(head -c 4 "$1" | od -An -t x1)" = "$2" ]
}
ok 'the kernel is unpacked' magic "$image/vmlinuz" ' 7f 45 4c 46'

# Copied, so with other times, modes and inodes, in another order.
copy=$tmp/copy
other=${kver%%-*}-other
kernel() {
    cp "$packed" "$copy/boot/vmlinuz-$1"
    cp -rs "$sysroot/lib/modules/$kver" "$copy/lib/modules/$1"
    rm -f "$copy/lib/modules/$1/vmlinuz"
}
unpacked_again() {
    for f in /lib64 /usr/lib64 /usr/lib/x86_64-linux-gnu $roms /usr/libexec \
        /usr/share/seabios /usr/share/qemu; do
        [ ! -e "$copy$f" ] || continue
        mkdir -p "$copy${f%/*}"
        cp -r --no-preserve=all "$sysroot$f" "$copy${f%/*}/"
    done
    # No links: they may lead out of the copy, to the machine's own files.
    find "$copy/usr/libexec" -type f -exec chmod 700 {} +
    find "$copy" -name 'ld-linux-*' -type f -exec chmod 755 {} +
    ln -s usr/lib "$copy/lib"
    mkdir -p "$copy/boot" "$copy/lib/modules"
    kernel "$kver"
}
ok '(the packages are unpacked once more)' unpacked_again
elsewhere() {
    mkdir -m 2700 "$tmp/tmp"
    cd "$copy/usr" && umask 077 && TMPDIR=$tmp/tmp TZ=Asia/Tokyo LC_ALL=C.UTF-8 \
        "$mkstubdom" -r .. -k "$kver" -o "$tmp/second"
}
ok 'another umask, locale, time zone and place' elsewhere
same() {
    cmp "$image/initrd" "$tmp/second/initrd" && cmp "$image/vmlinuz" "$tmp/second/vmlinuz"
}
ok 'give the same bytes' same

# A second kernel, of which nothing can be unpacked.
installed() {
    kernel "$other"
    printf '\010\0\0\0' |
        dd of="$copy/boot/vmlinuz-$other" bs=1 seek=588 conv=notrunc status=none
    depmod -b "$copy" "$other"
}
ok '(another kernel is installed)' installed
# A guest may be created at any time. libxl opens the kernel first: as it is
# after each step, it must do with the initrd of then and of each later step.
mkdir "$tmp/bin"
cat >"$tmp/bin/mv" <<'SH'
#!/bin/sh
/bin/mv "$@" || exit 1
version=$OTHER
cmp -s "$PAIR/vmlinuz" "$OLD" && version=$KVER
echo "$version" >>"$PAIR.kernels"
while read -r version; do
    cpio -t --quiet <"$PAIR/initrd" | grep -qx "modules/$version/list" ||
        echo "$version" >>"$PAIR.misses"
done <"$PAIR.kernels"
SH
chmod +x "$tmp/bin/mv"
switches() {
    cp "$tmp/second/vmlinuz" "$tmp/old"
    echo "$kver" >"$tmp/second.kernels"
    PATH=$tmp/bin:$PATH OTHER=$other KVER=$kver OLD=$tmp/old PAIR=$tmp/second \
        "$mkstubdom" -r "$copy" -k "$other" -o "$tmp/second" &&
        [ "$(sort -u "$tmp/second.kernels" | wc -l)" = 2 ] && [ ! -e "$tmp/second.misses" ]
}
ok 'between two images kernel and initrd belong together' switches
# Which has come to lie with its modules meanwhile.
back() {
    mv "$copy/boot/vmlinuz-$kver" "$copy/lib/modules/$kver/vmlinuz"
    "$mkstubdom" -r "$copy" -k "$kver" -o "$tmp/second" && cmp "$tmp/old" "$tmp/second/vmlinuz"
}
ok 'and back' back
# The newest two others, if they are whole, wherever they lie.
kernels() {
    files "$1" | sed -n 's,^modules/\(.*\)/list$,\1,p' |
        LC_ALL=C sort | xargs
}
three() {
    for k in 5.9.0-1 5.10.0-1 7.0.0-1 7.1.0-1; do
        kernel $k
        depmod -b "$copy" $k
    done
    find "$copy/lib/modules/7.1.0-1" -name 'xen-gntdev.ko*' -delete
    rm "$copy/lib/modules/7.0.0-1/modules.dep"
    depmod -b "$copy" 7.1.0-1
    "$mkstubdom" -r "$copy" -k 5.9.0-1 -o "$tmp/three"
}
ok '(more kernels are installed)' three
has_three() {
    [ "$(kernels "$tmp/three")" = "$(printf '%s\n' 5.9.0-1 "$kver" "$other" | LC_ALL=C sort | xargs)" ]
}
ok "there are two others' modules, the newest that are whole" has_three
chosen() {
    "$mkstubdom" -r "$copy" -k "$other" -o "$tmp/chosen" &&
        cmp "$tmp/chosen/vmlinuz" "$copy/boot/vmlinuz-$other"
}
ok '-k chooses the kernel, which stays packed if it must' chosen
none() {
    ! "$mkstubdom" -r "$copy" -k 0.1 -o "$tmp/none" 2>"$tmp/said" &&
        grep -q 'vmlinuz-0.1 is missing: install linux-image-0.1' "$tmp/said" && [ ! -e "$tmp/none" ]
}
ok 'one that is not there is named' none

cloud() {
    for k in 6.1.0-2-cloud-amd64 6.1.0-10-cloud-amd64 6.1.0-11-cloud-amd64; do
        kernel $k
    done
    rm "$copy/lib/modules/6.1.0-11-cloud-amd64/modules.dep"
    "$mkstubdom" -r "$copy" -o "$tmp/cloud" &&
        grep -qx kernel=6.1.0-10-cloud-amd64 "$tmp/cloud/contents"
}
ok "without -k it is Debian's for clouds, the newest that is whole" cloud

# On a host that lacks what packs it.
unpacked_host() {
    mkdir "$tmp/few"
    for tool in cpio gzip modprobe; do
        ln -s "$(PATH=$PATH:/sbin:/usr/sbin command -v $tool)" "$tmp/few/$tool"
    done
    ! (PATH=$tmp/few && make) 2>"$tmp/said" &&
        grep -qx 'mkstubdom: mksquashfs is missing: install squashfs-tools' "$tmp/said"
}
ok 'what packs it is named if it is missing' unpacked_host

# QEMU itself, in the image: it makes no NIC whose ROM it doesn't find.
firmware() {
    mkdir "$tmp/a dir"
    cp "$sysroot$roms/efi-e1000.rom" "$tmp/a dir/own.rom"
    cp "$sysroot/usr/share/seabios/bios.bin" "$tmp/bios-256k.bin"
    make -f "$tmp/a dir/own.rom" -f "$tmp/bios-256k.bin" && unpack "$tmp/tree"
}
ok '-f adds firmware' firmware
# qemu_roms ROM: what QEMU has loaded, with a NIC that has this one.
qemu_roms() {
    printf 'info roms\nquit\n' | timeout 300 unshare -r chroot "$tmp/tree" \
        /usr/libexec/xen-qemu-system-i386 -M pc -accel qtest -display none -nodefaults \
        -serial none -monitor stdio -S $(cat "$tmp/tree/qemu.arguments" 2>/dev/null) \
        -device "e1000,romfile=$1" 2>&1
}
finds() {
    qemu_roms own.rom >"$tmp/roms"
    grep -q kvmvapic.bin "$tmp/roms" || { cat "$tmp/roms"; false; }
}
ok 'which QEMU finds by name' finds
# By -sandbox, which not every QEMU is built with.
denied() {
    if echo quit | unshare -r chroot "$tmp/tree" /usr/libexec/xen-qemu-system-i386 \
        -M none -accel qtest -display none -nodefaults -monitor stdio -sandbox on; then
        grep -q '^on,obsolete=deny,.*spawn=deny' "$tmp/tree/qemu.arguments"
    else
        [ ! -e "$tmp/tree/qemu.arguments" ]
    fi
}
ok 'it is denied what it never does, if it can be' denied
# A QEMU that finds PCI devices in a stubdomain by itself: 10 does, 8 does not.
finds_pci() {
    version=$(unshare -r chroot "$tmp/tree" /usr/libexec/xen-qemu-system-i386 --version |
        sed -n 's/.*version \([0-9]*\)\..*/\1/p')
    echo "QEMU's version: $version"
    case $version in
    [78]) [ ! -e "$tmp/tree/qemu.pci" ] ;;
    9) ;;
    [1-9]?) [ -e "$tmp/tree/qemu.pci" ] ;;
    *) false ;;
    esac
}
ok 'it is known whether it finds PCI devices' finds_pci
ok 'it is before its own' grep -q 'size=0x020000 .*"bios-256k.bin"' "$tmp/roms"
misses() {
    qemu_roms none.rom | grep -q 'failed to find romfile "none.rom"'
}
ok 'and it says what it misses' misses
refused() {
    ! make -f "$tmp/none.rom" 2>"$tmp/said" &&
        grep -q 'none.rom is no file that can be read' "$tmp/said"
}
ok 'no firmware, no image' refused

changed() {
    inodes >"$tmp/before"
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
