# SPDX-License-Identifier: GPL-2.0-or-later
# How long a guest's creation and its restore take, with mkstubdom's image, with
# all of that unpacked into the initramfs, and of a stock set-up; and what is in
# a stubdomain's memory and what its start takes, with all that a guest can
# have. Prints figures; nothing passes or fails by them.

broken=0
milliseconds() { awk '{ print int($1 * 1000) }' /proc/uptime; }
# timed WHAT NAME ARGUMENT...: how long xl takes for it.
timed() {
    local begun what=$1 name=$2
    shift 2
    begun=$(milliseconds)
    xl "$what" "$@" >/dev/null 2>&1 || broken=1
    echo $(($(milliseconds) - begun)) >"/run/$name.$what.txt"
    echo "# $name: xl $what $(cat "/run/$name.$what.txt") ms"
}
ended() { wait_for 20 sh -c '! pidof qmp-helper xen-qemu-system-i386 vchan-socket-proxy'; }
guest_cfg squashfs "$helper" >/run/squashfs.cfg
guest_cfg unpacked "$helper" "$unpacked" 'stubdomain_cmdline = ""' >/run/unpacked.cfg
guest_cfg stock "$stock" >/run/stock.cfg
for name in squashfs unpacked stock; do
    timed create $name /run/$name.cfg
    if [ $name = stock ]; then
        xl destroy stock
    else
        xl save $name /var/lib/xen/$name.save >/dev/null 2>&1
        ended
        timed restore $name /var/lib/xen/$name.save
        xl destroy $name
        rm -f /var/lib/xen/$name.save
    fi
    ended
done
is "every guest was created and restored" 0 $broken
ratio() { awk "BEGIN { printf \"# %s: %.2f\n\", \"$1\", $(cat "/run/$2.txt") / $(cat "/run/$3.txt") }"; }
ratio "xl create, squashfs / stock" squashfs.create stock.create
ratio "xl create, squashfs / unpacked" squashfs.create unpacked.create
ratio "xl restore, squashfs / unpacked" squashfs.restore unpacked.restore

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
log=/var/log/xen/qemu-dm-hvm1.log
# In memory; where the start is; and the longest of Linux' own steps.
show() {
    tr -d '\r' <$log >/run/log.txt
    grep -E '^(measure|anon|slab|vmstat|df) |^meminfo (Mem|Cached|Inactive|AnonPages|Shmem|Slab|SRecl|Kernel|PageT)' /run/log.txt
    grep -E '^dmesg .*(p2m virtual|Remapped|Freeing initrd|self-tests|Loading compiled|initmem|Run /|loop: mod|Event-channel|xvda: |tun: )' /run/log.txt
    sed -n 's/^dmesg .* initcall \([^ ]*\) .*after \([0-9]*\) usecs$/initcall \2 us \1/p' /run/log.txt | sort -rnk2 | head -n 12
}
less="cryptomgr.notests initcall_blacklist=tracer_init_tracefs,boot_wait_for_devices,print_s5_reset_status_mmio rootfstype=ramfs"
for line in "" "quiet initcall_debug log_buf_len=2M"; do
    rm -f $log
    measured_cfg 96 "$less $line" >/run/hvm1.cfg
    ok "xl create $line" xl create /run/hvm1.cfg
    ok "it is measured" wait_for 30 grep -q 'measure end' $log
    show | sed 's/^/# /'
    xl destroy hvm1
    ended
done
