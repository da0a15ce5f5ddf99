# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that is an operating system: Debian's kernel with three serial
# ports, a disk, a CD and two NICs, all of them emulated, by QEMU in the
# stubdomain; in the end it crashes.
# libxl has QEMU in dom0 read a CD that is in its drive, whatever it is.

dd if=/dev/urandom of=/run/disk.img bs=64k count=16 2>/dev/null
disk=$(losetup -f --show /run/disk.img)
for n in 0 1; do
    ip link add xenbr$n type bridge
    ip addr add 10.7$((8 + n)).0.1/24 dev xenbr$n
    ip link set xenbr$n up
done
os_cfg "vdev=hda,access=rw,format=raw,target=$disk" \
    'vif = [ "mac=00:16:3e:78:00:01,bridge=xenbr0,model=e1000,type=ioemu", "mac=00:16:3e:78:00:02,bridge=xenbr1,model=rtl8139,type=ioemu" ]' \
    'on_crash = "preserve"' 'vga = "stdvga"' 'usb = 1' 'usbdevice = "tablet"' |
    sed -e 's,^serial = .*,serial = [ "pty"\, "file:/var/log/serial1.log"\, "pty" ],' \
        -e 's/^vnc = 0/vnc = 1/' >/run/os.cfg

text() { base64 /run/disk.img | head -c 65536; }
sum() { sha256sum | cut -d' ' -f1; }

snapshot before
ok "xl create" xl create /run/os.cfg
terminal_open xl console os
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

say 'echo this is the second port >/dev/ttyS1'
ok "the second serial port is a file" \
    wait_for 30 grep -q 'this is the second port' /var/log/serial1.log
third=$(xenstore-read "/local/domain/$(domid os)/serial/2/tty")
say 'stty -F /dev/ttyS2 raw; echo the third port; head -c 1000 </dev/ttyS2 | sha256sum'
ok "the guest reads its third" wait_for 30 heard 'the third port'
text | tr -d '\n' | head -c 1000 >"$third"
ok "what dom0 writes to it comes in" \
    wait_for 60 heard "$(text | tr -d '\n' | head -c 1000 | sum)"

# At its screen.
say 'stty -echo; echo "on tty1: $(head -n 1 </dev/tty1)"'
ok "a viewer types" /tests/viewer 127.0.0.1 5900 'typed by a viewer
'
ok "the guest reads it at its console" wait_for 60 heard 'on tty1: typed by a viewer'
say 'for e in /sys/class/input/event*; do grep -q Tablet $e/device/name && tablet=/dev/input/${e##*/}; done'
say 'echo "at $tablet"; head -c 48 $tablet | od -An -v -t u2 -w24'
ok "it has a tablet" wait_for 30 heard 'at /dev/input/event'
# An absolute position along X (EV_ABS, ABS_X).
pointed() { grep -q ' 3  *0  *[1-9][0-9]*  *0.\{0,1\}$' /run/heard.txt; }
ok "a viewer points" /tests/viewer 127.0.0.1 5900 @10,10,0 @360,200,0
ok "the guest sees where" wait_for 60 pointed
(/tests/viewer 127.0.0.1 5900 resize >/run/sizes.txt) &
viewer=$!
ok "a viewer looks" wait_for 60 grep -q 720 /run/sizes.txt
say "for m in \$(grep 'bochs\|drm\|ttm' /etc/modules.list); do insmod \$m; done; echo drawn"
ok "the guest draws in pixels" wait_for 60 heard 'drawn'
ok "the viewer that looked sees the other size" wait $viewer
is "from a text to a screen" "720 x 400 1024 x 768" "$(tr '\n' ' ' </run/sizes.txt | sed 's/ $//')"
rm -f /run/sizes.txt

# Through a terminal that changes nothing. Each byte costs several exits to
# QEMU, of almost a millisecond here.
say "stty -opost; echo; echo from here; base64 /dev/sda | head -c 65536; echo; echo to here"
ok "64 KB come out" wait_for 300 heard 'to here'
is "unharmed" "$(text | sum)" \
    "$(sed '1,/^from here/d; /^to here/d' /run/heard.txt | head -c 65536 | sum)"
say "stty -icanon min 1 -isig -ixon -icrnl; echo ready; head -c 65536 | sha256sum; stty sane -echo"
ok "the guest reads" wait_for 30 heard 'ready'
text >&3
ok "64 KB go in unharmed" wait_for 300 heard "$(text | sum)"

# What it writes is dom0's.
say 'dd if=/dev/sr0 of=/dev/sda bs=64k count=16 conv=fsync 2>/dev/null; echo written'
ok "the guest writes" wait_for 30 heard 'written'
is "dom0's file is what it has written" "$(head -c 1048576 /tests/os.iso | sum)" \
    "$(sum </run/disk.img)"

is_crashed() { xl list os | awk 'NR == 2 && $5 ~ /c/ { ok = 1 } END { exit !ok }'; }
say 'echo c >/proc/sysrq-trigger'
ok "it crashes, and is preserved" wait_for 60 is_crashed
ok "QEMU as well" xl-qmp exec os query-status
ok "xl destroy" xl destroy os
terminal_close
wait_for 20 sh -c '! pidof qmp-helper'
rm -f /var/log/serial1.log
snapshot after
ok "nothing is left behind" same_snapshots before after
losetup -d "$disk"
ip link del xenbr0
ip link del xenbr1
rm -f /run/disk.img
