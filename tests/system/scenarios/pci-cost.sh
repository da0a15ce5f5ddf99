# SPDX-License-Identifier: GPL-2.0-or-later
# What a guest gets of the host's PCI devices, beside one whose QEMU is in dom0,
# and what an attach takes. Prints figures; nothing passes or fails by them.

broken=0
while read -r m; do insmod "$m"; done </etc/modules-devices.list
for device in 00:05.0 00:06.0; do
    xl pci-assignable-add $device || broken=1
done
other=$(ls /sys/bus/pci/devices/0000:00:07.0/net)
ip addr add 10.78.0.1/24 dev "$other"
ip link set "$other" up

# Both from the CD: what they begin with is the same, byte for byte.
os_cfg "" 'pci = [ "00:05.0", "00:06.0" ]' | sed 's/^stubdomain_memory.*/stubdomain_memory = 320/' >/run/ours.cfg
sed -e '/stubdom/d' -e '/^device_model_override/d' /run/ours.cfg >/run/stock.cfg

# answer PATTERN: what the guest said behind it.
answer() { sed -n "s/^$1 //p" /run/heard.txt | tr -d '\r' | tail -n 1; }
log_in() {
    wait_for 60 heard 'login:' && say root && wait_for 60 heard 'Password:' &&
        say secret && wait_for 60 heard '# ' && say 'stty -echo; PS1='
}
# of NAME: centiseconds of 400 whole reads, microseconds of an echo (the
# middle one of 200), centiseconds of four attaches.
figures() {
    local start n sum=0
    xl create "/run/$1.cfg" && terminal_open xl console os && wait_for 300 heard 'os: up' && log_in || return
    say 'now() { cut -d" " -f1 /proc/uptime | tr -d .; }; a=$(now)
        for n in $(seq 400); do echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/nvme0n1 of=/dev/null bs=64k; done 2>/dev/null
        echo; echo "nvme $(($(now) - a))"
        ping -c 200 -i 0.01 10.78.0.1 | sed -n "s,.*time=\([0-9]*\)\.\([0-9]*\) ms,\1\2,p" | sort -n | sed -n "100s,^0*,echo ,p"; echo; echo "nothing more"'
    wait_for 600 heard 'nothing more' || return
    xl pci-detach os 00:06.0 || return
    for n in 1 2 3 4; do
        start=$(seconds)
        xl pci-attach os 00:06.0 || return
        sum=$(echo "$sum $start $(seconds)" | awk '{ print int($1 + ($3 - $2) * 100) }')
        xl pci-detach os 00:06.0 || return
    done
    echo "$(answer nvme) $(answer echo) $sum" >"/run/$1.figures.txt"
    terminal_close
    xl destroy os
    wait_for 20 sh -c '! pidof qmp-helper'
}
ratio() { awk -v f="$1" '{ v[NR] = $f } END { printf "%.2f", v[1] / (v[2] + !v[2]) }' /run/ours.figures.txt /run/stock.figures.txt; }
for name in ours stock; do
    figures $name || broken=1
done
echo "# xenqmp $(cat /run/ours.figures.txt), QEMU in dom0 $(cat /run/stock.figures.txt): cs for 400 MiB of an NVMe disk, us for an echo by e1000e (the middle one), cs for four attaches"
echo "# xenqmp / stock: NVMe $(ratio 1), echo $(ratio 2), attach $(ratio 3)"
is "each guest had its devices" 0 $broken
for device in 00:05.0 00:06.0; do
    xl pci-assignable-remove -r $device
done
