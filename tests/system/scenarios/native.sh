# SPDX-License-Identifier: GPL-2.0-or-later
# What only a libxl with the patches does (patches/README.md): it asks
# whether xenconsoled serves secondary consoles, gives channels of an HVM
# guest to xenconsoled, starts QEMU in dom0 for a display, and still has the
# vchan. xl of 4.17 loses the first channel that a configuration names.

# backend N KEY: of the guest's channel with this number.
backend() { xenstore-read "/local/domain/0/backend/console/$(domid hvm1)/$1/$2"; }
dm_backend() { xenstore-read "/local/domain/0/backend/console/$(dm_domid hvm1)/$1/$2"; }
transport() { xenstore-read "/libxl/$(domid hvm1)/stubdom-transport"; }
end_guest() {
    ok "xl destroy" xl destroy hvm1
    wait_for 20 sh -c '! pidof qmp-helper vchan-socket-proxy xen-qemu-system-i386'
    snapshot after
    ok "nothing is left behind" same_snapshots before after
}

snapshot before
guest_cfg hvm1 "$helper" 'serial = "pty"' \
    'channel = [ "connection=pty,name=lost", "connection=pty,name=first", "connection=socket,name=second,path=/run/second.sock" ]' |
    sed 's/^vnc = 0/vnc = 1/' >/run/hvm1.cfg
ok "xl create, with channels and a display" xl create /run/hvm1.cfg
is "the transport" console "$(transport)"
ok "QEMU runs in dom0 for the display" pidof xen-qemu-system-i386
ok "QMP is on console 3" xl-qmp exec hvm1 query-status
is "console 1 has a policy" save "$(dm_backend 1 policy)"
for n in 1 2; do
    is "channel $n is xenconsoled's" xenconsoled "$(backend $n type)"
done
is "the first is a pty" pty "$(backend 1 output)"
is "the second is a socket" unix:/run/second.sock "$(backend 2 output)"
end_guest

guest_cfg hvm1 'stubdomain_cmdline = "norandmaps rdinit=/stock.init"' >/run/hvm1.cfg
ok "xl create, nothing said" xl create /run/hvm1.cfg
is "the transport, whatever is installed" vchan "$(transport)"
ok "vchan-socket-proxy runs" pidof vchan-socket-proxy
ok "QEMU runs in dom0" pidof xen-qemu-system-i386
ok "no qmp-helper does" sh -c '! pidof qmp-helper'
ok "xl qemu-monitor-command" xl qemu-monitor-command hvm1 "info status"
is "console 1 is QEMU's" ioemu "$(dm_backend 1 type)"
is "and has no policy" "" "$(dm_backend 1 policy 2>/dev/null)"
end_guest

guest_cfg hvm1 'stubdomain_transport = "pigeon"' >/run/hvm1.cfg
ok "another transport is refused" \
    sh -c '! xl create /run/hvm1.cfg 2>/run/refused.txt'
ok "in one line" count_is 1 pigeon /run/refused.txt
guest_cfg hvm1 "$helper" >/run/hvm1.cfg
feature=/tool/xenconsoled/feature-secondary-consoles
is "xenconsoled says what it serves" 1 "$(xenstore-read $feature)"
xenstore-rm $feature
ok "without it, consoles are refused" \
    sh -c '! xl create /run/hvm1.cfg 2>/run/refused.txt'
ok "in one line" count_is 1 $feature /run/refused.txt
xenstore-write $feature 1
rm -f /run/refused.txt
