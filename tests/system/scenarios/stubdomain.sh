# SPDX-License-Identifier: GPL-2.0-or-later
# What is in a stubdomain's memory and what its start takes, with all that a
# guest can have. Prints figures; nothing passes or fails by them.

ip link add xenbr0 type bridge
ip link set xenbr0 up
disks=
for n in a b c d; do
    truncate -s 16M /run/$n.img
    disks="$disks${disks:+, }\"vdev=hd$n,access=rw,format=raw,target=/run/$n.img\""
done
# measured_cfg MIB COMMAND_LINE
measured_cfg() {
    disk_guest_cfg hvm1 "$disks" "$helper" 'serial = [ "pty", "pty" ]' 'vga = "stdvga"' \
        'vif = [ "mac=00:16:3e:77:00:01,bridge=xenbr0,model=e1000,type=ioemu", "mac=00:16:3e:77:00:02,bridge=xenbr0,model=rtl8139,type=ioemu" ]' \
        "stubdomain_cmdline = \"$2 rdinit=/measure.init\"" |
        sed -e 's,stubdom/initrd",stubdom/initrd.measure",' -e "s/^stubdomain_memory.*/stubdomain_memory = $1/" \
            -e 's/^vnc = 0/vnc = 1/'
}
less="cryptomgr.notests initcall_blacklist=tracer_init_tracefs"
milliseconds() { awk '{ print int($1 * 1000) }' /proc/uptime; }
log=/var/log/xen/qemu-dm-hvm1.log
show() { tr -d '\r' <$log | sed 's/^/# /'; }
for line in "96 $less" "88 $less"; do
    measured_cfg ${line%% *} "${line#* }" >/run/hvm1.cfg
    begun=$(milliseconds)
    rm -f $log
    ok "xl create $line" xl create /run/hvm1.cfg
    echo "# xl create: $(($(milliseconds) - begun)) ms"
    ok "it is measured" wait_for 15 grep -q 'measure end' $log
    show
    xl destroy hvm1
    wait_for 20 sh -c '! pidof qmp-helper'
done
