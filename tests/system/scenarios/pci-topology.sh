# SPDX-License-Identifier: GPL-2.0-or-later
# A card of two functions, and a card behind a bridge.

count() { xl qemu-monitor-command hvm1 "info pci" | grep -c "PCI device 1b36:0005"; }
devices='00:08.0 00:08.1 01:00.0'
[ -e /sys/bus/pci/drivers/pciback ] || while read -r m; do insmod "$m"; done </etc/modules-devices.list
for device in $devices; do
    ok "$device can be assigned" xl pci-assignable-add $device
done
guest_cfg hvm1 "$helper" 'pci = [ "00:08.0", "00:08.1", "01:00.0" ]' |
    sed '/^stubdomain_memory/d' >/run/hvm1.cfg
ok "a guest with a card and another one" xl-qmp create /run/hvm1.cfg
is "its QEMU has all three" 3 "$(count)"
ok "xl lists the one behind a bridge" shows 01:00.0 xl pci-list hvm1
# The guest lets go of nothing, and QEMU therefore of nothing either.
ok "which goes" xl pci-detach -f hvm1 01:00.0
is "xl lists two" 2 "$(xl pci-list hvm1 | grep -c ':0')"
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
for device in $devices; do
    ok "$device can be assigned again" shows "$device" xl pci-assignable-list
    ok "it is dom0's again" xl pci-assignable-remove -r $device
done
