# SPDX-License-Identifier: GPL-2.0-or-later
# What moves when QMP takes console 3: the guest's serial ports. And what
# must not stall the stubdomain's boot: an empty CD-ROM, a display.

# A libxl with the patches gives a display its QEMU.
display=1
! is_native || display=0
guest_cfg hvm1 "$helper" 'serial = "pty"' \
    'disk = [ "vdev=hdc,devtype=cdrom,access=ro,format=raw" ]' |
    sed "s/^vnc = 0/vnc = $display/" >/run/hvm1.cfg
snapshot before
ok "xl create, with a serial port, an empty CD-ROM and a display" \
    xl create /run/hvm1.cfg
ok "no QEMU in dom0" sh -c '! pidof xen-qemu-system-i386'
guest=$(domid hvm1)
dm=$(dm_domid hvm1)
is "the empty CD-ROM's frontend has gone" "" \
    "$(xenstore-list "/local/domain/$dm/device/vbd" 2>/dev/null)"
is_native || ok "the display has a port" xenstore-read "/local/domain/$guest/console/vnc-port"
ok "QMP is on console 3" xl-qmp exec hvm1 query-status
wait_for 10 xenstore-read "/local/domain/$guest/serial/0/tty"
tty=$(xenstore-read "/local/domain/$guest/serial/0/tty")
is "the serial port is console 4" "$tty" \
    "$(xenstore-read "/local/domain/$dm/device/console/4/tty")"
is_native || is "xl console finds it" "$tty" \
    "$(xenstore-read "/local/domain/$dm/device/console/3/tty")"
is "and it is a pty" /dev/pts "${tty%/*}"

xl console hvm1 >/run/serial.txt 2>&1 &
console=$!
ok "xl console shows what the guest says" \
    wait_for 60 grep -q 'the guest has booted' /run/serial.txt
printf 'what comes in goes out\r\n' >"$tty"
ok "and the guest hears what is typed" \
    wait_for 60 grep -q 'what comes in goes out' /run/serial.txt
ok "QMP went on meanwhile" xl-qmp exec hvm1 query-status
kill $console
wait $console

# Without a service manager that keeps the terminal: another has its number.
ttys() {
    for key in "$dm/device/console/4" "$guest/serial/0" $(is_native || echo "$dm/device/console/3"); do
        xenstore-read "/local/domain/$key/tty"
    done | sort -u
}
ttys_are_none() { [ -z "$(ttys)" ]; }
tty_is_another() { [ "$(ttys | wc -l)" = 1 ] && tty=$(ttys) && [ -e "$tty" ] && [ "$tty" != "$old" ]; }
old=$tty
kill "$(cat /run/xenconsoled.pid)"
ok "xenconsoled ends: no key names a terminal" wait_for 10 ttys_are_none
wait_for 10 sh -c '! [ -e /run/xenconsoled.pid ]'
# Each takes the lowest number that is free.
others=
until [ -e "$old" ]; do
    rm -f /run/another.txt
    socat -u pty,raw,echo=0,link=/run/another.txt - >>/run/anothers.txt &
    others="$others $!"
    wait_for 10 test -e /run/another.txt
done
$xenconsoled
ok "it is back: all name the new one" wait_for 10 tty_is_another
xl console hvm1 >/run/serial.txt 2>&1 &
console=$!
# What is typed before it listens is lost.
echoes() { printf 'to the right guest\r\n' >"$tty"; usleep 300000; grep -q 'to the right guest' /run/serial.txt; }
ok "xl console reaches the guest" wait_for 60 echoes
is "and nobody else" "" "$(cat /run/anothers.txt)"
ok "QMP goes on" wait_for 10 xl-qmp exec hvm1 query-status
kill $console $others
wait $others
rm -f /run/another.txt /run/anothers.txt

# What is typed before it listens is lost.
comes_back() { say "$1"; usleep 300000; heard "$1"; }
terminal_open xl-qmp console hvm1-dm 4
ok "xl-qmp console does as much" wait_for 60 comes_back 'once more'
ok "xl destroy" xl destroy hvm1
ok "and ends with the guest" wait_for 20 terminal_has_ended
terminal_close
wait_for 20 sh -c '! pidof qmp-helper'
rm -f /run/serial.txt
snapshot after
ok "nothing is left behind" same_snapshots before after

# Other outputs, three ports; the guest speaks on the first.
guest_cfg hvm1 "$helper" \
    'serial = [ "file:/var/log/serial0.log", "unix:/run/serial1.sock,server=on,wait=off", "null" ]' \
    >/run/hvm1.cfg
ok "xl create, with three serial ports" xl create /run/hvm1.cfg
ok "the first writes its file" \
    wait_for 60 grep -q 'the guest has booted' /var/log/serial0.log
ok "the second is a socket" test -S /run/serial1.sock
ok "QMP is on console 3 all the same" xl-qmp exec hvm1 query-status
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
ok "the socket has gone" wait_for 10 test ! -e /run/serial1.sock
rm -f /var/log/serial0.log

for serial in '"pty", "pty", "pty", "pty", "pty"' '"tcp:127.0.0.1:4444,server=on,wait=off"'; do
    guest_cfg hvm1 "$helper" "serial = [ $serial ]" >/run/hvm1.cfg
    rm -f $helper_log
    ok "serial = [ $serial ] is refused" \
        sh -c '! xl create /run/hvm1.cfg 2>/run/refused.txt'
    ! is_native || grep 'serial port' /run/refused.txt >$helper_log
    is "in one line" 1 "$(wc -l <$helper_log)"
    xl destroy hvm1 2>/dev/null
done
wait_for 20 sh -c '! pidof qmp-helper vchan-socket-proxy'
snapshot after
ok "nothing is left behind by a refusal" same_snapshots before after
rm -f /run/refused.txt
