# SPDX-License-Identifier: GPL-2.0-or-later
# Disks: a block device needs no QEMU in dom0; an image does, as a child of
# qmp-helper's, the consoles staying ours. And xl-qmp create.

cp /tests/echo.img /run/disk.img
truncate -s 1M /run/disk.img
disk_cfg() {
    guest_cfg hvm1 "$1" 'serial = "file:/var/log/serial.log"' \
        "disk = [ \"vdev=hda,access=rw,format=raw,$2\" ]" |
        sed -e 's/^boot = .*/boot = "c"/' -e '/^device_model_args_hvm/d' \
            -e 's,stubdom/initrd.halt,stubdom/initrd,'
}
# By libxenstat, which asks QEMU for disks that are QEMU's in dom0.
reads_are_counted() {
    /usr/lib/xen-4.17/bin/xentop -b -i 1 >/run/xentop.txt
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

snapshot before
disk_cfg "$helper" backendtype=qdisk,target=/run/disk.img >/run/hvm1.cfg
ok "xl create, disk by QEMU in dom0" xl create /run/hvm1.cfg
ok "QEMU runs in dom0" pidof xen-qemu-system-i386
is "it is qmp-helper's child" qmp-helper \
    "$(cat "/proc/$(awk '{ print $4 }' "/proc/$(pidof xen-qemu-system-i386)/stat")/comm")"
ok "the log says how to do without" grep -q 'phy:' /var/log/xen/qemu-dm-hvm1-dm.log
ok "the guest boots from it" \
    wait_for 60 grep -q 'the guest has booted' /var/log/serial.log
ok "QMP is on console 3" xl-qmp exec hvm1 query-block
ok "xentop counts what it has read" reads_are_counted
end_guest

disk_cfg "$helper" target=/run/disk.img >/run/hvm1.cfg
ok "xl create, disk by the kernel" xl create /run/hvm1.cfg
ok "no QEMU in dom0" sh -c '! pidof xen-qemu-system-i386'
ok "the guest boots from it" \
    wait_for 60 grep -q 'the guest has booted' /var/log/serial.log
end_guest

# A configuration without a word about stubdomains.
disk_cfg "" target=/run/disk.img | grep -v -e stubdom -e device_model >/run/plain.cfg
ok "xl-qmp create --dry-run" sh -c \
    'xl-qmp create --dry-run /run/plain.cfg | grep -q stubdomain_override'
ok "xl-qmp create" xl-qmp create /run/plain.cfg
ok "it has a stubdomain" xl domid hvm1-dm
ok "the guest boots" \
    wait_for 60 grep -q 'the guest has booted' /var/log/serial.log
ok "QMP is on console 3" xl-qmp exec hvm1 query-status
end_guest
rm -f /run/disk.img /run/plain.cfg
