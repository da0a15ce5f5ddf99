# SPDX-License-Identifier: GPL-2.0-or-later
# What only a libxl with the stage qmp-console does (patches/README.md): no
# program of xenqmp's in dom0 and no QEMU, Xen's own xenconsoled, and libxl
# itself on the consoles of xenqmp's stubdomain. The image is made for it
# (XENQMP_TOOLSTACK).

direct='stubdomain_transport = "direct"'
log='serial = "file:/var/log/serial.log"'
monitor() { xl qemu-monitor-command hvm1 "$1" | tr -d '\r'; }
status_is() { [ "$(monitor 'info status')" = "VM status: $1" ]; }
only_xen() { ! pidof xen-qemu-system-i386 qmp-helper vchan-socket-proxy; }
end_guest() {
    ok "xl destroy" xl destroy hvm1
    snapshot after
    ok "nothing is left behind" same_snapshots before after
}

ok "no program of xenqmp's is installed" \
    sh -c '! ls -d /usr/libexec/xenqmp /usr/bin/xl-qmp /usr/libexec/xen-qemu-system-i386'
ok "xenconsoled is Xen's" \
    cmp "/proc/$(cat /run/xenconsoled.pid)/exe" "$(readlink -f "$bin/xenconsoled")"

# --- Creation, QMP, a serial port ------------------------------------------

guest_cfg hvm1 "$direct" 'serial = "pty"' >/run/hvm1.cfg
uuid=$(sed -n 's/^uuid = "\(.*\)"/\1/p' /run/hvm1.cfg)
snapshot before
ok "xl create" xl create /run/hvm1.cfg
is "the transport" direct "$(xenstore-read "/libxl/$(domid hvm1)/stubdom-transport")"
ok "nothing but xenconsoled runs for it" only_xen
ok "the guest runs" status_is "running"
is "the uuid is the guest's" "$uuid" "$(monitor 'info uuid')"
ok "a large reply" sh -c 'test "$(xl qemu-monitor-command hvm1 help | wc -c)" -gt 10000'
ok "xl fails where there is no guest" sh -c '! xl qemu-monitor-command nobody "info status"'

pids=
for i in 1 2 3 4 5 6 7 8; do
    monitor "info name" >"/run/name$i.txt" 2>&1 &
    pids="$pids $!"
done
for pid in $pids; do wait "$pid"; done
is "eight xl at once" 8 "$(cat /run/name?.txt | grep -c '^hvm1')"

# One that is killed half way, sooner or later, leaves the next one a console to speak on.
for i in 1 2 3 4; do
    xl qemu-monitor-command hvm1 "info mtree" >/dev/null 2>&1 &
    half_way=$!
    usleep ${i}00000
    kill -9 $half_way
    ok "an xl was killed: the next one speaks" status_is "running"
done
wait

ok "stop" monitor stop
ok "the guest is paused" status_is "paused"
ok "cont" monitor cont

comes_back() { heard "$1" || { say "$1"; false; }; }
terminal_open xl console hvm1
ok "xl console reaches the guest" wait_for 60 comes_back 'what comes in goes out'
terminal_close

xenconsoled_dies
ok "xenconsoled was killed: QMP goes on" wait_for 20 status_is "running"
terminal_open xl console hvm1
ok "and the serial port" wait_for 60 comes_back 'once more'
terminal_close
rm -f /run/name?.txt
end_guest

# --- Saves ------------------------------------------------------------------

guest_cfg hvm1 "$direct" "$log" | sed 's,/echo\.img,/count.img,' >/run/hvm1.cfg
ok "xl create, of a guest that counts" xl create /run/hvm1.cfg
ok "it counts" wait_for 60 has_grown 0
n=$(lines)
ok "xl save -c" xl save -c hvm1 /var/lib/xen/one.save
ok "it counts on" wait_for 60 has_grown "$n"
ok "QMP goes on" status_is "running"
ok "xl save" xl save hvm1 /var/lib/xen/two.save
ok "the guest has gone" sh -c '! xl domid hvm1'
n=$(lines)
ok "xl restore" xl restore /var/lib/xen/two.save
ok "nothing but xenconsoled runs for it" only_xen
ok "it counts on" wait_for 60 has_grown "$n"
ok "QMP goes on" status_is "running"
# The last save's stubdomain, and the one that was restored from it.
dm_log=/var/log/xen/qemu-dm-hvm1.log
sum_in() { sed -n "s/.*$1 state: \\([1-9].*, CRC-32 [0-9a-f]*\\), .*/\\1/p" "$2" | tail -1; }
saved=$(sum_in saved $dm_log.1)
ok "stubdomd says what QEMU wrote" test -n "$saved"
is "and the next one reads just that" "$saved" "$(sum_in restored $dm_log)"

# A save that fails, because QEMU's state does not fit: xl passes the reason
# on, and the guest goes on.
says() { cat /run/save.txt; grep -q "$1" /run/save.txt; }
state=/var/lib/xen/qemu-save.$(domid hvm1)
mkdir /run/small
mount -t tmpfs -o size=4k small /run/small
touch /run/small/state "$state"
mount --bind /run/small/state "$state"
ok "no space: xl save fails" sh -c "! xl save hvm1 /run/none.save >/run/save.txt 2>&1"
ok "and says why" says 'No space left on device'
n=$(lines)
ok "it counts on" wait_for 60 has_grown "$n"
umount "$state" /run/small
rm -rf /run/small "$state" /run/save.txt /run/none.save

# One in the midst of which xenconsoled is killed: it may fail, but the guest
# is not left suspended.
is_suspended() { shows '---ss-' xl list hvm1; }
n=$(lines)
xl save -c hvm1 /run/cut.save >/run/save.txt 2>&1 &
save=$!
ok "a save begins" wait_for 30 is_suspended
xenconsoled_dies
wait $save
ok "xenconsoled was killed in it: the guest counts on" wait_for 60 has_grown "$n"
ok "QMP goes on" status_is "running"
rm -f /run/cut.save /run/save.txt

for turn in 1 2; do
    before=$(domid hvm1)
    n=$(lines)
    ok "xl migrate" xl migrate -s "" hvm1 "xl migrate-receive"
    ok "it is another domain" test "$(domid hvm1)" -gt "$before"
    ok "it counts on" wait_for 60 has_grown "$n"
    ok "QMP goes on" status_is "running"
done
ok "xl destroy" xl destroy hvm1
ok "no number is missing, none came twice" is_gapless
rm -f /var/log/serial.log
ok "xl restore of the checkpoint" xl restore /var/lib/xen/one.save
ok "it counts" wait_for 60 has_grown 0
rm -f /var/lib/xen/one.save /var/lib/xen/two.save
ok "xl destroy" xl destroy hvm1
rm -f /var/log/serial.log
snapshot after
ok "nothing is left behind" same_snapshots before after

# --- Again and again -------------------------------------------------------

guest_cfg hvm1 "$direct" >/run/hvm1.cfg
for turn in 1 2 3; do
    ok "xl create" xl create /run/hvm1.cfg
    ok "the guest runs" status_is "running"
    end_guest
done
