# SPDX-License-Identifier: GPL-2.0-or-later
# PCI devices of the host's, behind its IOMMU, for a guest whose QEMU is in a
# stubdomain: at creation, while it runs, and back.

nic=0000:00:05.0 nvme=0000:00:06.0 image=/var/lib/xenqmp/stubdom
driver_of() { basename "$(readlink "/sys/bus/pci/devices/$1/driver")"; }
lists() { xl pci-list "$1" | grep -q "$2"; }
# QEMU has a device of that vendor and kind.
has() { xl qemu-monitor-command "$1" "info pci" | grep -q "PCI device $2"; }

# What xl-qmp create says of a guest with that setting, in one line, before
# there is any guest.
refuses() {
    guest_cfg other "$helper" "$1" | sed 's/initrd.tests/initrd/' >/run/other.cfg
    ! xl-qmp create /run/other.cfg >/run/refused.txt 2>&1 &&
        grep -q "$2" /run/refused.txt && [ "$(wc -l </run/refused.txt)" = 1 ] &&
        ! xl domid other
}

ok "Xen has an IOMMU" xl info virt_caps
ok "it can pass devices" sh -c 'xl info | grep -q "^virt_caps.*hvm_directio"'
ok "a device of dom0's is refused" \
    refuses 'pci = [ "00:05.0" ]' 'xl pci-assignable-add 0000:00:05.0'
ok "one that is not there" refuses 'pci = [ "00:1e.7" ]' 'no device 0000:00:1e.7'
ok "the NIC can be assigned" xl pci-assignable-add 00:05.0
ok "the disk can be assigned" xl pci-assignable-add 00:06.0
is "the NIC is xen-pciback's" pciback "$(driver_of $nic)"

guest_cfg hvm1 "$helper" 'pci = [ "00:05.0" ]' >/run/hvm1.cfg
snapshot before
ok "a guest with a NIC of the host's" xl create /run/hvm1.cfg
ok "its QEMU has it" has hvm1 8086:10d3
ok "another guest is refused it" \
    refuses 'pci = [ "00:05.0" ]' 'is given to domain [0-9]* (hvm1)'
mv $image/contents /run/contents
ok "and an image of before" refuses 'pci = [ "00:06.0" ]' 'run mkstubdom'
mv /run/contents $image/contents
ok "xl-qmp doctor counts what can be given" \
    sh -c 'xl-qmp doctor | grep -q "PCI devices: 2 can be given"'
ok "xl lists it" lists hvm1 00:05.0
ok "a disk comes" xl pci-attach hvm1 00:06.0
ok "its QEMU has it, too" has hvm1 1b36:0010
is "xl lists both" 2 "$(xl pci-list hvm1 | grep -c 00:0)"
# Its state is in the hardware.
is_refused() { ! xl save hvm1 /run/saved.txt >/run/refused.txt 2>&1; }
ok "it is not saved" is_refused
ok "for a reason" grep -q "has a PCI device of the host's" /run/refused.txt
ok "and runs on" sh -c 'xl-qmp exec hvm1 query-status | grep -q running'
# A guest that never lets go is made to.
ok "the disk goes" xl pci-detach -f hvm1 00:06.0
is "xl lists one" 1 "$(xl pci-list hvm1 | grep -c 00:0)"
ok "xl destroy" xl destroy hvm1
is "the NIC is xen-pciback's again" pciback "$(driver_of $nic)"
wait_for 20 sh -c '! pidof qmp-helper'
# libxl leaves there whose a device was last.
xenstore-rm /libxl/pci
snapshot after
ok "nothing is left behind" same_snapshots before after
ok "it can be assigned again" sh -c 'xl pci-assignable-list | grep -q 00:05.0'

ok "the NIC is dom0's again" xl pci-assignable-remove -r 00:05.0
ok "the disk as well" xl pci-assignable-remove -r 00:06.0
