# SPDX-License-Identifier: GPL-2.0-or-later
# What libxl passes to a QEMU of its own time, and a later one has dropped or
# wants otherwise: a guest without ACPI, with sound, USB and dm_restrict.
guest_cfg hvm1 "$helper" 'acpi = 0' 'soundhw = "hda"' 'usb = 1' \
    'usbdevice = "tablet"' 'dm_restrict = 1' >/run/hvm1.cfg
stubdom_log=/var/log/xen/qemu-dm-hvm1.log
devices() { xl qemu-monitor-command hvm1 'info qtree' | grep -cE 'dev: (hda-duplex|usb-tablet|PIIX4_PM),'; }

snapshot before
rm -f $stubdom_log
ok "xl create" xl create /run/hvm1.cfg
is "sound and USB, no ACPI" 2 "$(devices)"
ok "dm_restrict is left to Xen" grep -q 'dm_restrict is left to Xen' $stubdom_log
ok "the guest runs" wait_for 60 shows running xl-qmp exec hvm1 query-status
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
# libxl's own, for -chroot, which it leaves where a stubdomain is.
rmdir /run/xen/qemu-root-*
snapshot after
ok "nothing is left behind" same_snapshots before after
