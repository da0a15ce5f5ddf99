# SPDX-License-Identifier: GPL-2.0-or-later
# A stubdomain with as little memory as mkstubdom says, and with everything
# on; with less, which is told before it starts; and with none left, while its
# guest runs.

ip link add xenbr0 type bridge
ip link set xenbr0 up
disks=
for n in a b c d; do
    truncate -s 16M /run/$n.img.txt
    disks="$disks${disks:+, }\"vdev=hd$n,access=rw,format=raw,target=/run/$n.img.txt\""
done
# Its last setting is the memory.
all_cfg() {
    disk_guest_cfg hvm1 "$disks" "$helper" 'serial = [ "pty", "pty" ]' 'vga = "stdvga"' \
        'vif = [ "mac=00:16:3e:77:00:01,bridge=xenbr0,model=e1000,type=ioemu", "mac=00:16:3e:77:00:02,bridge=xenbr0,model=rtl8139,type=ioemu" ]' "$@" |
        sed -e 's/^vnc = 0/vnc = 1/' -e '/^stubdomain_memory = 144$/d'
}
dm_log=/var/log/xen/qemu-dm-hvm1.log
told='needs [0-9]* MiB with this guest.s devices'
refused='^qmp-helper: domain [0-9]*: its stubdomain has 76 MiB of memory, and needs [0-9]* for this image and the guest.s devices: set stubdomain_memory = [0-9]* '
fails() {
    "$@" >/run/said.txt 2>&1
    [ $? != 0 ] && cat /run/said.txt
}

snapshot before
all_cfg 'stubdomain_memory = 76' >/run/hvm1.cfg
ok "too little: xl-qmp create fails" fails xl-qmp create /run/hvm1.cfg
ok "in one line" count_is 1 . /run/said.txt
ok "with the figure" grep -q "$told" /run/said.txt
ok "xl create fails" fails xl create /run/hvm1.cfg
is_native || ok "with the figure" grep -q "$refused" /run/said.txt
ok "the guest has gone" sh -c '! xl domid hvm1'
wait_for 20 sh -c '! pidof qmp-helper vchan-socket-proxy'

all_cfg >/run/hvm1.cfg
status_is_running() { shows running xl-qmp exec hvm1 query-status; }
ok "what mkstubdom says: xl-qmp create" xl-qmp create /run/hvm1.cfg
echo "# $(xl list | grep hvm1-dm | xargs)"
ok "it runs" wait_for 20 status_is_running
ok "its display shows something" xl-qmp screenshot hvm1 /run/screen.png
for n in 1 2 3; do
    ok "its devices are told, $n" xl-qmp exec hvm1 qom-list '{ "path": "/machine/unattached" }'
done
ok "nobody is busy while it is paused" all_rest hvm1
ok "xl save" xl save hvm1 /var/lib/xen/one.save
wait_for 20 sh -c '! pidof qmp-helper'
ok "xl restore" xl restore /var/lib/xen/one.save
ok "it runs" wait_for 20 status_is_running
ok "the kernel has killed nobody" count_is 0 'Out of memory' $dm_log
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
rm -f /var/lib/xen/one.save

guest_cfg hvm1 "$helper" "$hostile" >/run/hvm1.cfg
ok "a guest whose stubdomain will use up its memory" xl create /run/hvm1.cfg
xenstore-write "/local/domain/$(dm_domid hvm1)/attack" memory
ok "QEMU is killed, and stubdomd says why" \
    wait_for 60 grep -q "stubdomd: QEMU was killed: the stubdomain's memory is used up; set a larger" $dm_log
ok "and so does qmp-helper" wait_for 20 grep -q 'has shut down' $helper_log
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
rm -f /run/*.txt /run/screen.png
ip link del xenbr0
snapshot after
ok "nothing is left behind" same_snapshots before after
