# SPDX-License-Identifier: GPL-2.0-or-later
# PCI devices of the host's in the hands of an operating system: behind pci.sh,
# whose words it uses, or by itself. $rounds, if set: how often its disk is
# detached and attached, and then it reboots.

has() { shows "PCI device $2" xl qemu-monitor-command "$1" "info pci"; }
[ -e /sys/bus/pci/drivers/nvme ] ||
    while read -r m; do insmod "$m"; done </etc/modules-devices.list
for device in 00:05.0 00:06.0 00:1f.2; do
    ok "$device can be assigned" xl pci-assignable-add $device
done
# Debian's kernel drives all three: its data and its interrupts are theirs.
other=$(ls /sys/bus/pci/devices/0000:00:07.0/net)
ip addr add 10.78.0.1/24 dev $other
ip link set $other up
linux_cfg 'pci = [ "00:05.0", "00:06.0", "00:1f.2" ]' >/run/os.cfg
sum() { sha256sum | cut -d' ' -f1; }
pattern=$(yes 'one line of what the NVMe disk has' | head -c 1048576 | sum)
# has_interrupts KIND NAME: what the guest has last said of them, as Linux names
# them with Xen's pirqs, which are no more by default since Xen 4.19, and without.
has_interrupts() {
    grep -i "^ *[0-9]*: *[0-9]* .*$1.* $2" /run/heard.txt | tail -n 1 >/run/interrupts.txt
    grep -i ': .*\(msi\|apic\)' /run/heard.txt | tail -n 12
    awk '$2 > 2 { ok = 1 } END { exit !ok }' /run/interrupts.txt
}
log_in() {
    wait_for 60 heard 'login:' && say root && wait_for 60 heard 'Password:' &&
        say secret && wait_for 60 heard '# ' && say 'stty -echo; PS1='
}
ok "an operating system with three" xl create /run/os.cfg
terminal_open xl console os
ok "it comes up" wait_for 60 heard 'os: up'
ok "what it reads is on the disk" heard "os: nvme $pattern"
ok "the disk interrupts it, by MSI-X" has_interrupts 'msi-*x' nvme0q1
ok "its NIC reaches dom0's" heard "os: eth0 reaches dom0"
ok "the NIC interrupts it, by MSI-X" has_interrupts 'msi-*x' eth0-rx
ok "somebody logs in" log_in
say 'until [ -b /dev/sda ]; do usleep 100000; done; echo "sata: $(sha256sum </dev/sda)"; grep ahci /proc/interrupts'
ok "it reads the disk at the controller" wait_for 60 heard "sata: $pattern"
ok "which interrupts it, by MSI" wait_for 20 has_interrupts '-msi[ -][ 0]' ahci
# The driver's IntMode 0. (With 1, MSI, it finds that QEMU's emulated e1000e
# does not raise any, in dom0 as well.)
say 'rmmod e1000e; insmod /lib/modules/e1000e.ko* IntMode=0; ip link set eth0 up'
say 'ip addr add 10.78.0.2/24 dev eth0; ping -c 5 -W 9 10.78.0.1; grep eth0 /proc/interrupts; echo asked by pin $((6 * 7)) times'
ok "it asks the NIC for its pin" wait_for 60 heard "asked by pin 42 times"
ok "which interrupts it" has_interrupts 'io-*apic' eth0
say 'dd if=/dev/sr0 of=/dev/nvme0n1 bs=64k count=16 conv=fsync; echo it is written'
ok "it writes to the disk" wait_for 60 heard 'it is written'
written=$(head -c 1048576 /tests/os.iso | sum)

# By hotplug, with a guest that lets go.
is_alone() { not shows 00:06.0 xl pci-list os && not has os 1b36:0010; }
for n in $(seq ${rounds:-2}); do
    ok "the disk goes" xl pci-detach os 00:06.0
    ok "from QEMU, too" wait_for 20 is_alone
    ok "it comes" xl pci-attach os 00:06.0
    say "until [ -b /dev/nvme0n1 ]; do usleep 100000; done; echo \"round $n: \$(sha256sum </dev/nvme0n1)\""
    ok "with what was written" wait_for 60 heard "round $n: $written"
done

if [ "${rounds-}" ]; then
    before=$(domid os)
    is_another() {
        [ "$(domid os)" -gt $before ] &&
            xenstore-read "/local/domain/$(domid os)/serial/0/tty"
    }
    say 'reboot -f'
    ok "it reboots" wait_for 60 is_another
    terminal_close
    terminal_open xl console os
    ok "and comes up" wait_for 60 heard 'os: up'
    ok "the disk has what was written" heard "os: nvme $written"
    ok "the NIC reaches dom0's" heard "os: eth0 reaches dom0"
    ok "somebody logs in again" log_in
fi
say 'poweroff -f'
ok "it shuts down" wait_for 60 sh -c '! xl domid os'
terminal_close
wait_for 20 sh -c '! pidof qmp-helper'

ok "the NIC is dom0's again" xl pci-assignable-remove -r 00:05.0
ok "the disk as well" xl pci-assignable-remove -r 00:06.0
ok "and the controller" xl pci-assignable-remove -r 00:1f.2
# Its driver finds it, and what the guest left in it.
ok "dom0's driver has the disk" wait_for 20 test -b /dev/nvme0n1
is "with what the guest has written" "$written" "$(sum </dev/nvme0n1)"
