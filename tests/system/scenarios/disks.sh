# SPDX-License-Identifier: GPL-2.0-or-later
# Disks: a block device needs no QEMU in dom0; a qcow2 image does, as a child
# of qmp-helper's, the consoles staying ours. A disk that is plugged into the
# stubdomain becomes the CD in a drive. And xl-qmp create.

head -c 917504 /tests/os.iso >/run/cd.img
cp /tests/echo.img /run/disk.img
truncate -s 1M /run/disk.img
disk_cfg() {
    disk_guest_cfg hvm1 "\"vdev=hda,access=rw,$2\"${3:+, \"$3\"}" "$1" \
        'serial = "file:/var/log/serial.log"'
}
# By libxenstat, which asks QEMU for disks that are QEMU's in dom0, and waits
# 10 ms for an answer: under software emulation it may need to be asked again.
reads_are_counted() {
    /usr/lib/xen-[0-9]*/bin/xentop -b -i 1 >/run/xentop.txt
    cat /run/xentop.txt
    awk '$1 == "hvm1" && $(NF - 4) > 0 { ok = 1 } END { exit !ok }' /run/xentop.txt
}
end_guest() {
    ok "xl destroy" xl destroy hvm1
    wait_for 20 sh -c '! pidof qmp-helper xen-qemu-system-i386'
    rm -f /var/log/serial.log
    snapshot after
    ok "nothing is left behind" same_snapshots before after
}

# As QEMU itself makes one of another disk.
make_qcow2() {
    {
        echo '{"execute": "qmp_capabilities"}'
        echo '{"execute": "drive-backup", "arguments": {"device": "raw",
               "target": "/run/disk.qcow2", "sync": "full", "format": "qcow2"}}'
        wait_for 30 grep -q BLOCK_JOB_COMPLETED /run/backup.txt
        echo '{"execute": "quit"}'
    } | /usr/libexec/xen-qemu-system-i386 -M none -accel qtest -display none -qmp stdio \
        -drive if=none,id=raw,format=raw,file=/run/disk.img >/run/backup.txt
    head -c 4 /run/disk.qcow2 | grep -q QFI
}

ok "a qcow2 image" make_qcow2
snapshot before
# Debian's QEMU in dom0 refuses passwords: its cryptography has no DES.
password='\nvncpasswd = "geheim"'
! is_native || password=
disk_cfg "$helper" format=qcow2,target=/run/disk.qcow2 |
    sed "s/^vnc = 0/vnc = 1$password/" >/run/hvm1.cfg
ok "xl create, disk by QEMU in dom0" xl create /run/hvm1.cfg
ok "QEMU runs in dom0" pidof xen-qemu-system-i386
is "it is the process that libxl will end" "$(pidof xen-qemu-system-i386)" \
    "$(xenstore-read "/local/domain/$(domid hvm1-dm)/image/device-model-pid")"
is_native || ok "the log says how to do without" grep -q 'phy:' $helper_log
ok "the guest boots from it" \
    wait_for 60 grep -q 'the guest has booted' /var/log/serial.log
ok "QMP is on console 3" xl-qmp exec hvm1 query-block
is_native || ok "its display is the stubdomain's, with its password" xl-qmp screenshot hvm1 /run/screen.png
rm -f /run/screen.png
ok "xentop counts what it has read" wait_for 10 reads_are_counted
# Who is killed takes no disk along.
parent=$(xenstore-read "/local/domain/$(domid hvm1-dm)/image/qmp-proxy-pid")
has_ended() { ! [ -e "/proc/$1" ]; }
ok "qmp-helper is killed" kill -9 "$parent"
ok "and has gone" wait_for 5 has_ended "$parent"
# A part that nothing has read so far.
ok "the guest's QEMU reads the disk" sh -c "xl-qmp exec hvm1 human-monitor-command \
    command-line='qemu-io ide0-hd0 \"read 786432 4096\"' | grep -v -i error"
ok "QEMU in dom0 still serves it" pidof xen-qemu-system-i386
# Nobody is left to remove its folder.
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper xen-qemu-system-i386'
rm -rf /var/log/serial.log /run/xenqmp /run/xen/qmp-*
snapshot after
ok "nothing runs any more" same_snapshots before after

disk_cfg "$helper" format=raw,target=/run/disk.img \
    vdev=hdc,devtype=cdrom,access=ro,format=raw >/run/hvm1.cfg
ok "xl create, disk by the kernel" xl create /run/hvm1.cfg
ok "no QEMU in dom0" sh -c '! pidof xen-qemu-system-i386'
ok "the guest boots from it" \
    wait_for 60 grep -q 'the guest has booted' /var/log/serial.log

# As libxl does it from Xen 4.20 on: a CD is a disk of the stubdomain's, which
# QEMU has as a set of descriptors. Today's xl plugs disks only into domains
# of which it has a configuration.
cd=$(losetup -rf --show /run/cd.img)
fdset() {
    xl-qmp exec hvm1 query-fdsets | tr -d ' \n' | sed 's/{"fds"/\n&/g' |
        sed -n 's/.*"stub-devid:51728".*"fdset-id":\([0-9]*\).*/\1/p'
}
has_fdset() { test -n "$(fdset)"; }
vm=$(xenstore-read "/local/domain/$(domid hvm1-dm)/vm")
echo '{"c_info": {"type": "pv", "name": "hvm1-dm"}}' \
    >"/var/lib/xen/userdata-d.$(domid hvm1-dm).${vm#/vm/}.libxl-json"
ok "a disk for the stubdomain" \
    xl block-attach hvm1-dm "vdev=xvdb,access=ro,format=raw,target=$cd"
ok "QEMU has it as an fdset" wait_for 10 has_fdset
ok "it becomes the CD" xl-qmp exec hvm1 blockdev-change-medium id=ide-5632 \
    "filename=/dev/fdset/$(fdset)" format=host_device
ok "which the guest's drive has" sh -c 'xl-qmp exec hvm1 query-block |
    tr -d " \n" | grep -o "\"virtual-size\":917504"'
ok "it is ejected" xl-qmp exec hvm1 eject id=ide-5632 force=true
ok "and unplugged" xl block-detach hvm1-dm xvdb
ok "the fdset has gone" wait_for 10 not shows stub-devid:51728 xl-qmp exec hvm1 query-fdsets
losetup -d "$cd"
end_guest

# By xl, from Xen 4.20 on. The drive is empty first, or not, which is what the
# kernel can have since 4.19, and xl-qmp create says so.
media() { xl-qmp exec hvm1 query-block | tr -d ' \n'; }
has_medium() { shows "\"virtual-size\":$1[,}]" media; }
is_empty() { ! has_medium 917504 && ! has_medium 458752; }
cd_guest() {
    disk_cfg "" format=raw,target=/run/disk.img "vdev=hdc,devtype=cdrom$1" |
        grep -v -e stubdom -e device_model >/run/plain.cfg
    ok "xl-qmp create${1:+, with a CD}" xl-qmp create /run/plain.cfg
    ok "no QEMU in dom0" sh -c '! pidof xen-qemu-system-i386'
}
if [ "$(xl info | sed -n 's/^xen_minor *: //p')" -ge 20 ]; then
    cd_guest ''
    ok "the guest's drive has none" is_empty
    ok "xl cd-insert" xl cd-insert hvm1 hdc /run/cd.img
    ok "the guest's drive has it" has_medium 917504
    ok "xl cd-eject" xl cd-eject hvm1 hdc
    ok "the guest's drive has none" is_empty
    ok "xl cd-insert, once more" xl cd-insert hvm1 hdc /run/cd.img
    ok "the guest's drive has it" has_medium 917504
    end_guest
    head -c 458752 /tests/os.iso >/run/other.img
    cd_guest ,format=raw,access=ro,target=/run/cd.img
    ok "the guest's drive has it" has_medium 917504
    ok "xl cd-insert, of another" xl cd-insert hvm1 hdc /run/other.img
    ok "the guest's drive has that" has_medium 458752
    ok "xl cd-eject" xl cd-eject hvm1 hdc
    ok "the guest's drive has none" is_empty
    rm /run/other.img
    end_guest
fi

# A configuration without a word about stubdomains.
disk_cfg "" format=raw,target=/run/disk.img | grep -v -e stubdom -e device_model >/run/plain.cfg
ok "xl-qmp create --dry-run" shows stubdomain_override xl-qmp create --dry-run /run/plain.cfg
ok "xl-qmp create" xl-qmp create /run/plain.cfg
ok "it has a stubdomain" xl domid hvm1-dm
ok "the guest boots" \
    wait_for 60 grep -q 'the guest has booted' /var/log/serial.log
ok "QMP is on console 3" xl-qmp exec hvm1 query-status
end_guest
rm -f /run/disk.img /run/disk.qcow2 /run/cd.img /run/plain.cfg
