# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that is an operating system: Debian's kernel with a serial console,
# a disk, a CD and two NICs, all of them emulated, by QEMU in the stubdomain.
# libxl has QEMU in dom0 read a CD that is in its drive, whatever it is.

dd if=/dev/urandom of=/run/disk.img bs=64k count=16 2>/dev/null
disk=$(losetup -f --show /run/disk.img)
cd=$(losetup -f --show /tests/os.iso)
for n in 0 1; do
    ip link add xenbr$n type bridge
    ip addr add 10.7$((8 + n)).0.1/24 dev xenbr$n
    ip link set xenbr$n up
done
guest_cfg os "$helper" 'serial = "pty"' 'tsc_mode = "native"' \
    'disk = [ "vdev=hda,access=rw,format=raw,target='$disk'", "vdev=hdc,devtype=cdrom,access=ro,format=raw,target='$cd'" ]' \
    'vif = [ "mac=00:16:3e:78:00:01,bridge=xenbr0,model=e1000,type=ioemu", "mac=00:16:3e:78:00:02,bridge=xenbr1,model=rtl8139,type=ioemu" ]' |
    sed -e '/^device_model_args_hvm/d' -e 's,stubdom/initrd.halt,stubdom/initrd,' \
        -e 's/^boot = .*/boot = "d"/' -e 's/^memory = .*/memory = 128/' >/run/os.cfg

# Each byte costs several exits to QEMU, of almost a millisecond here; 64 KB
# of them are os-full's.
: "${os_bytes:=4096}"
limit=$((20 + os_bytes / 200))
text() { base64 /run/disk.img | head -c $os_bytes; }
sum() { sha256sum | cut -d' ' -f1; }
# heard TEXT: the guest has said so by now.
heard() { grep -qF "$1" /run/heard.txt; }
say() { printf '%s\n' "$1" >&3; }

snapshot before
ok "xl create" xl create /run/os.cfg
mkfifo /run/keyboard.txt
# It takes no input but a terminal's.
socat -t 1 'EXEC:xl console os,pty,raw,echo=0' - </run/keyboard.txt >/run/heard.txt 2>&1 &
console=$!
exec 3<>/run/keyboard.txt
ok "Debian's kernel comes up" wait_for 120 heard 'os: up'
ok "its disk is dom0's file" heard "os: disk $(sum </run/disk.img)"
ok "its CD as well" heard "os: cdrom $(head -c 1048576 /tests/os.iso | sum)"
ok "its first NIC reaches dom0" heard "os: eth0 reaches dom0"
ok "its second NIC reaches dom0" heard "os: eth1 reaches dom0"

ok "it asks who logs in" wait_for 30 heard 'login:'
say root
ok "and for the password" wait_for 30 heard 'Password:'
say secret
ok "root is in" wait_for 30 heard '# '
say 'stty -echo; PS1=; echo a shell is $((6 * 7))'
ok "the shell answers" wait_for 30 heard 'a shell is 42'

# Through a terminal that changes nothing.
say "stty -opost; echo; echo from here; base64 /dev/sda | head -c $os_bytes; echo; echo to here"
ok "$os_bytes bytes come out" wait_for $limit heard 'to here'
is "unharmed" "$(text | sum)" \
    "$(sed '1,/^from here/d; /^to here/d' /run/heard.txt | head -c $os_bytes | sum)"
say "stty -icanon min 1 -isig -ixon -icrnl; echo ready; head -c $os_bytes | sha256sum; stty sane -echo"
ok "the guest reads" wait_for 30 heard 'ready'
text >&3
ok "$os_bytes bytes go in unharmed" wait_for $limit heard "$(text | sum)"

# What it writes is dom0's.
say 'dd if=/dev/sr0 of=/dev/sda bs=64k count=16 conv=fsync 2>/dev/null; echo written'
ok "the guest writes" wait_for 30 heard 'written'
is "dom0's file is what it has written" "$(head -c 1048576 /tests/os.iso | sum)" \
    "$(sum </run/disk.img)"
exec 3>&-
ok "xl destroy" xl destroy os
wait $console
wait_for 20 sh -c '! pidof qmp-helper'
rm -f /run/keyboard.txt
snapshot after
ok "nothing is left behind" same_snapshots before after
rm -f /run/disk.img /tests/os.iso
