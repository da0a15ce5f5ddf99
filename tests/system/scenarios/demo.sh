# SPDX-License-Identifier: GPL-2.0-or-later
# What make demo shows: the main job, as it happens. Elapsed seconds since
# Xen's dom0 began to boot stand before each step.

tell() { printf '%7s  %s\n' "$(seconds)" "$*"; }

# show COMMAND...: the command and what it says; must succeed.
show() {
    tell "# $*"
    "$@" >/run/show.out 2>&1
    status=$?
    grep -v 'xc: progress' /run/show.out | cut -c1-160 | sed 's/^/           /'
    [ $status = 0 ] || broken "exit $status"
}
broken() {
    tell "BROKEN: $*"
    failures=$((failures + 1))
}
# expect TEXT: what the last command said contains it.
expect() {
    grep -qF -- "$1" /run/show.out || broken "expected: $1"
}
status_is() {
    [ "$(xl-qmp exec hvm1 query-status |
         sed -n 's/.*"status": "\([a-z]*\)".*/\1/p')" = "$1" ]
}

tell "Xen $(cat /sys/hypervisor/version/major).$(cat /sys/hypervisor/version/minor)$(cat /sys/hypervisor/version/extra) is up, with $(basename "$(readlink -f /proc/"$(cat /run/xen/xenstored.pid)"/exe)") and xenqmp's xenconsoled"
guest_cfg hvm1 "$helper" | sed 's/^vnc = 0/vnc = 1/' >/run/hvm1.cfg
uuid=$(sed -n 's/^uuid = "\(.*\)"/\1/p' /run/hvm1.cfg)
show cat /run/hvm1.cfg
tell "The host's NVMe disk is one that a guest can be given:"
show xl pci-assignable-add 00:06.0
# libxl leaves it there, empty.
xenstore-write /libxl/pci/0000-00-06-0 ""
rm -f /run/show.out
snapshot before
idle=$(memory_of "$(cat /run/xenconsoled.pid)")

tell "An HVM guest whose QEMU runs in a Linux stubdomain, by the unmodified xl:"
show xl create /run/hvm1.cfg
show xl list
expect hvm1-dm
show xl-qmp consoles hvm1
expect QMP

tell "QMP over console 3:"
show xl-qmp exec hvm1 query-status
expect '"status": "running"'
show xl-qmp exec hvm1 query-version
expect '"major"'
show xl-qmp exec hvm1 query-uuid
expect "$uuid"

tell "Its screen, over console 8; no QEMU in dom0 shows it:"
show xl-qmp screenshot hvm1 /run/screen.png
[ ! -f /run/screen.png ] || base64 /run/screen.png | sed 's/^/picture /'
rm -f /run/screen.png

tell "Three clients at once; one of them stops the guest and lets it go on:"
for client in 1 2; do
    for _ in 1 2 3 4 5 6; do
        xl-qmp exec hvm1 query-name || echo "client $client failed"
    done >"/run/client$client.out" 2>&1 &
    eval "client$client=\$!"
done
show xl-qmp exec hvm1 stop
status_is paused && tell "   the guest is paused" || broken "not paused"
show xl-qmp exec hvm1 cont
status_is running && tell "   the guest runs" || broken "not running"
wait "$client1" "$client2"
answers=$(cat /run/client1.out /run/client2.out | grep -c '"name": "hvm1"')
tell "   the other two clients meanwhile: $answers of 12 answers"
[ "$answers" = 12 ] || broken "$(cat /run/client1.out /run/client2.out | grep -v '"name"' | head -3)"

tell "A new session in band, and on:"
show xl-qmp reset hvm1
show xl-qmp exec hvm1 query-status
expect '"status": "running"'
show xl qemu-monitor-command hvm1 "info status"
expect running

tell "Saved and restored, the device state by consoles 1 and 2:"
show xl save hvm1 /var/lib/xen/hvm1.save
tell "   $(du -k /var/lib/xen/hvm1.save | cut -f1) kB; the guest is gone from memory"
show xl restore /var/lib/xen/hvm1.save
rm -f /var/lib/xen/hvm1.save
show xl-qmp exec hvm1 query-uuid
expect "$uuid"
wait_for 10 status_is running && tell "   the same guest, and it runs" || broken "not running"

tell "What dom0 runs for the guest:"
pidof xen-qemu-system-i386 >/dev/null && broken "QEMU runs in dom0"
pidof vchan-socket-proxy >/dev/null && broken "vchan-socket-proxy runs in dom0"
tell "   no QEMU, no vchan-socket-proxy"
set -- $(memory_of $(pidof qmp-helper))
tell "   qmp-helper, $(pidof qmp-helper | wc -w) processes: $1 kB PSS, $2 kB private dirty"
set -- $(memory_of "$(cat /run/xenconsoled.pid)") $idle
tell "   xenconsoled, for all guests: $1 kB PSS, $2 kB private dirty (before the guest: $3 kB and $4 kB)"
tell "   (QEMU in dom0 and the vchan proxy: 20900 kB + 1000 kB PSS for each guest)"

show xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper' || broken "qmp-helper still runs"

tell "A guest with Debian's kernel and an NVMe disk of the host's:"
linux_cfg 'pci = [ "00:06.0" ]' >/run/os.cfg
show xl-qmp create /run/os.cfg
show xl pci-list os
expect 00:06.0
tell "Root logs in on its serial port, and reads the disk:"
terminal_open xl console os
wait_for 120 heard 'login:' && say root
wait_for 30 heard 'Password:' && say secret
wait_for 30 heard '# ' && say 'uname -sr; head -n 2 /dev/nvme0n1; grep nvme0q1 /proc/interrupts; echo on $(cat /sys/hypervisor/type); exit'
wait_for 30 heard 'on xen' || broken "nobody was let in"
sed -n '/^os: up/,/^on xen/p' /run/heard.txt | tr -d '\r' | sed 's/^/           /'
heard 'one line of what the NVMe disk has' || broken "the disk was not read"
show xl destroy os
terminal_close
wait_for 20 sh -c '! pidof qmp-helper' || broken "qmp-helper still runs"
rm -f /run/client?.out /run/show.out
snapshot after
if same_snapshots before after >/run/difference.txt; then
    tell "Nothing is left behind: processes, sockets, files and xenstore are as before."
else
    broken "left behind: $(cat /run/difference.txt)"
fi
[ $failures = 0 ] && tell "The demonstration is complete."
