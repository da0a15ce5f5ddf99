# SPDX-License-Identifier: GPL-2.0-or-later
# PCI devices of the host's, behind its IOMMU, for guests whose QEMU is in a
# stubdomain: at creation, while they run, in the hands of a stubdomain that
# means it badly, and back. pci-os.sh has what a guest does with them.

nic=0000:00:05.0 nvme=0000:00:06.0 sata=0000:00:1f.2 image=/var/lib/xenqmp/stubdom
# Linux wants megabytes in one piece for a PCI device (its SWIOTLB).
pci_cfg() { guest_cfg "$@" | sed 's/^stubdomain_memory = 144/stubdomain_memory = 192/'; }
driver_of() { basename "$(readlink "/sys/bus/pci/devices/$1/driver")"; }
lists() { shows "$2" xl pci-list "$1"; }
# QEMU has a device of that vendor and kind.
has() { shows "PCI device $2" xl qemu-monitor-command "$1" "info pci"; }

# What xl-qmp create says of a guest with that setting, in one line, before
# there is any guest.
refuses() {
    pci_cfg other "$helper" "$1" | sed 's/initrd.tests/initrd/' >/run/other.cfg
    ! xl-qmp create /run/other.cfg >/run/refused.txt 2>&1 &&
        grep -q "$2" /run/refused.txt && [ "$(wc -l </run/refused.txt)" = 1 ] &&
        ! xl domid other
}

while read -r m; do insmod "$m"; done </etc/modules-devices.list
ok "Xen can pass devices" shows '^virt_caps.*hvm_directio' xl info
ok "a device of dom0's is refused" \
    refuses 'pci = [ "00:05.0" ]' 'used in dom0 by e1000e.*xl pci-assignable-add 0000:00:05.0'
ok "one that is not there" refuses 'pci = [ "00:1e.7" ]' 'no device 0000:00:1e.7'
ok "the NIC can be assigned" xl pci-assignable-add 00:05.0
ok "the disk can be assigned" xl pci-assignable-add 00:06.0
ok "so can one function of several" xl pci-assignable-add 00:1f.2
is "the NIC is xen-pciback's" pciback "$(driver_of $nic)"

pci_cfg hvm1 "$helper" 'passthrough = "enabled"' >/run/hvm1.cfg
snapshot before
ok "a guest without" xl create /run/hvm1.cfg
ok "a NIC of the host's comes" xl pci-attach hvm1 00:05.0
ok "its QEMU has it" has hvm1 8086:10d3
ok "another guest is refused it" \
    refuses 'pci = [ "00:05.0" ]' 'is given to domain [0-9]* (hvm1)'
mv $image/contents /run/contents
ok "and an image of before" refuses 'pci = [ "00:06.0" ]' 'run mkstubdom'
mv /run/contents $image/contents
ok "xl-qmp doctor counts what can be given" \
    shows 'PCI devices: 2 can be given to guests, 1 is in use' xl-qmp doctor
ok "xl lists it" lists hvm1 00:05.0
ok "a disk comes" xl pci-attach hvm1 00:06.0
ok "its QEMU has it, too" has hvm1 1b36:0010
is "xl lists both" 2 "$(xl pci-list hvm1 | grep -c 00:0)"
# Its state is in the hardware.
is_refused() { ! "$@" >/run/refused.txt 2>&1; }
ok "it is not saved" is_refused xl save hvm1 /run/saved.txt
ok "for a reason" grep -q "has a PCI device of the host's" /run/refused.txt
# Xen, which would have to know what the device writes, refuses that.
ok "nor migrated" is_refused xl migrate -s "" hvm1 "xl migrate-receive"
ok "for Xen's reason" grep -q 'Failed to enable logdirty' /run/refused.txt
ok "and runs on" shows '"running"' xl-qmp exec hvm1 query-status
# A guest that never lets go is made to.
ok "the disk goes" xl pci-detach -f hvm1 00:06.0
is "xl lists one" 1 "$(xl pci-list hvm1 | grep -c 00:0)"
ok "the NIC goes" xl pci-detach -f hvm1 00:05.0
is "xl lists none" 0 "$(xl pci-list hvm1 | grep -c 00:0)"
# Its guest has not let go of those, of which QEMU keeps the names.
ok "another device comes" xl pci-attach hvm1 00:1f.2
ok "its QEMU has it" has hvm1 8086:2922
ok "xl destroy" xl destroy hvm1
is "the NIC is xen-pciback's again" pciback "$(driver_of $nic)"
wait_for 20 sh -c '! pidof qmp-helper'
snapshot after
ok "nothing is left behind" same_snapshots before after
ok "it can be assigned again" shows 00:05.0 xl pci-assignable-list

# A stubdomain that means it badly: its device reaches no memory but its
# guest's, and comes back whatever becomes of it.
pci_cfg hvm1 "$helper" 'pci = [ "00:05.0,permissive=1,msitranslate=1,power_mgmt=1,rdm_policy=relaxed" ]' >/run/hvm1.cfg
pci_cfg hvm2 "$helper" "$hostile" 'pci = [ "00:06.0" ]' >/run/hvm2.cfg
runs() { shows '"running"' xl-qmp exec "$1" query-status; }
attack_is_done() {
    [ "$(xenstore-read "/local/domain/$dm/data/attack-done")" = "$1" ]
}
attack() {
    xenstore-write "/local/domain/$dm/attack" "$1"
    ok "$1: done" wait_for 60 attack_is_done "$1"
}
permissive() { cat /sys/bus/pci/drivers/pciback/permissive; }
is "no device is permissive" "" "$(permissive)"
ok "a guest with the NIC, and all options" xl create /run/hvm1.cfg
ok "its QEMU has it permissive" shows 'permissive = true' xl qemu-monitor-command hvm1 "info qtree"
is "xen-pciback as well" $nic "$(permissive)"
# Its guest's BIOS, which drives such a disk, too, does not begin.
ok "a hostile stubdomain with the disk" xl create -p /run/hvm2.cfg
dm=$(dm_domid hvm2)
# The disk writes where it is told to in its guest's memory, and nowhere else:
# not to the screen's, which is at the same address for all but guests.
screen=$(grep -l 0x0300 /sys/bus/pci/devices/*/class)
screen=$(sed -n '1s/ .*//p' "${screen%class}resource")
devmem $((screen + 4096)) 32 0x12345678
attack dma-0x2001000
ok "its device has written to the guest's memory" wait_for 20 sh -c \
    'xl qemu-monitor-command hvm2 "xp /4wx 0x2001000" | grep "2001000: .*0x[0-9a-f]*[1-9a-f]"'
attack "dma-$((screen + 4096))"
attack dma-fails
is "and nowhere else" 0x12345678 "$(devmem $((screen + 4096)) 32)"
# The NIC's address, in its receive registers, is for its guest and dom0.
disk=$(sed -n '1s/ .*//p' /sys/bus/pci/devices/$nvme/resource)
registers=$(sed -n '1s/ .*//p' /sys/bus/pci/devices/$nic/resource)
address=$(devmem $((registers + 0x5400)) 32)
ok "it has one of QEMU's" [ "${address#0x??}" = 005452 ]
attack "read-$((registers + 0x5400))"
is "it sees one device" 1 "$(xenstore-read "/local/domain/$dm/data/devices")"
is "of which it reads the version" "$(devmem $((disk + 8)) 32)" "$(xenstore-read "/local/domain/$dm/data/own")"
ok "and nothing of another" [ "$(xenstore-read "/local/domain/$dm/data/read")" != "$address" ]
# It dies with a device that works, and wants to interrupt.
attack dma-0x2001000
xenstore-write "/local/domain/$dm/attack" crash
is_crashed() { xl list "$dm" | awk 'NR == 2 { exit $5 !~ /c/ }'; }
ok "crash: the stubdomain has ended" wait_for 60 is_crashed
ok "xl destroy" xl destroy hvm2
is "the disk is xen-pciback's" pciback "$(driver_of $nvme)"
is "and masters no bus" 0 $(($(od -An -tu2 -j4 -N2 /sys/bus/pci/devices/$nvme/config) & 4))
ok "another stubdomain has it" xl create -p /run/hvm2.cfg
dm=$(dm_domid hvm2)
attack replug
ok "the guest with the NIC runs on" runs hvm1
ok "with its NIC" has hvm1 8086:10d3
ok "xl destroy" xl destroy hvm2
ok "xl destroy" xl destroy hvm1

ok "who does not ask for a permissive device is refused it" \
    refuses 'pci = [ "00:05.0" ]' '00:05.0 is still permissive from a guest before'
ok "the NIC is dom0's again" xl pci-assignable-remove -r 00:05.0
ok "the disk as well" xl pci-assignable-remove -r 00:06.0
sum() { sha256sum | cut -d' ' -f1; }
disk_works() { [ "$(sum </dev/nvme0n1)" = "$(yes 'one line of what the NVMe disk has' | head -c 1048576 | sum)" ]; }
ok "and works" wait_for 20 disk_works
ok "and the controller" xl pci-assignable-remove -r 00:1f.2
