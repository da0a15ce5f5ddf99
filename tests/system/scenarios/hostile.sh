# SPDX-License-Identifier: GPL-2.0-or-later
# A stubdomain that attacks dom0 (guests/hostile.init), and a guest beside
# it that must not notice.

echo 'root:SECRET-OF-DOM0:1:0:99999:7:::' >/etc/shadow
guest_cfg hvm1 "$helper" >/run/hvm1.cfg
guest_cfg hvm2 "$helper" "$hostile" | sed 's/^vnc = 0/vnc = 1/' >/run/hvm2.cfg
snapshot before
ok "an honest guest" xl create /run/hvm1.cfg
ok "a hostile guest" xl create /run/hvm2.cfg
dm=$(dm_domid hvm2)

# Or what the stubdomain and its consoles do instead.
attack_is_done_soon() {
    wait_for 60 attack_is_done "$1" && return
    xl list
    xl-qmp consoles hvm2-dm
    works hvm2
    xl list
    xl dmesg | tail -n 4
    false
}
attack() {
    xenstore-write "/local/domain/$dm/attack" "$1"
    ok "$1: done" attack_is_done_soon "$1"
}
attack_is_done() {
    xenstore-ls "/local/domain/$dm/data"
    [ "$(xenstore-read "/local/domain/$dm/data/attack-done")" = "$1" ]
}
frontend_is_gone() { ! xenstore-list "/local/domain/$dm/device/console/3"; }
works() { shows running xl-qmp exec "$1" query-status; }

for a in garbage truncated oversized; do
    attack $a
    ok "$a: the console recovers" wait_for 30 works hvm2
    ok "$a: the other guest goes on" works hvm1
done

sees() { xl-qmp -t 20 screenshot hvm2 /run/screen.txt.ppm; }
ok "it has a display" wait_for 60 sees
received() {
    xl-qmp consoles hvm2-dm --json |
        sed -n 's/.*"use": "display".*"received": \([0-9]*\).*/\1/p'
}
received=$(received)
attack frames
ok "frames: they came" [ $(($(received) - received)) -ge 65536 ]
ok "frames: its display recovers" wait_for 60 sees
ok "frames: the console goes on" works hvm2

# While it lasts, and afterwards.
dom0_size() { awk '/^RssAnon/ { print $2 }' "/proc/$(cat /run/xenconsoled.pid)/status"; }
disk_size() { du -sk /var/log /var/lib/xen /run | awk '{ n += $1 } END { print n }'; }
answers_ten_times() {
    local i
    for i in 1 2 3 4 5 6 7 8 9 10; do works "$1" || return 1; done
}
memory=$(dom0_size)
for a in flood-xenstore flood-log flood-save; do
    disk=$(disk_size)
    attack $a
    ok "$a: the other guest goes on" answers_ten_times hvm1
    ok "$a: xl goes on" xl list hvm1
    attack flood-ends
    ok "$a: the console recovers" wait_for 60 works hvm2
    [ $a != flood-log ] ||
        ok "$a: it came" grep -q "console 2: ignoring the key 'policy'" /var/log/messages
    ok "$a: dom0's disk has $(disk_size) kB, before it $disk" test "$(disk_size)" -lt $((disk + 1024))
done
ok "xenconsoled has $(dom0_size) kB, before the floods $memory" test "$(dom0_size)" -lt $((memory + 2048))
xenstore-write "/local/domain/$dm/attack" stall
ok "stall: the other guest goes on" answers_ten_times hvm1
ok "stall: done" attack_is_done_soon stall
ok "stall: its own QMP comes back" wait_for 60 works hvm2

attack output
is "nothing of /etc/shadow was read" "" \
    "$(xenstore-read "/local/domain/$dm/data/stolen" 2>/dev/null)"
# (Its other key, on console 2, the flood had, too; output is dom0's there, and
# xenstored refuses it.)
ok "the administrator reads why" grep -q "domain $dm console 3: ignoring the key 'policy'" /var/log/messages
attack output-file
ok "nothing was written to /etc" test ! -e /etc/evil
ok "the other guest goes on" works hvm1

# The stubdomain may hang itself by this; what counts is dom0's view.
xenstore-write "/local/domain/$dm/attack" delete
ok "delete: done" wait_for 60 frontend_is_gone
ok "frontend deleted: the other guest goes on" works hvm1
ok "frontend deleted: xenconsoled goes on" xl-qmp consoles

ok "xl destroy" xl destroy hvm2
ok "the other guest goes on" works hvm1
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
rm -f /run/screen.txt.ppm
snapshot after
ok "nothing is left behind" same_snapshots before after
ok "the logs stay small" test "$(cat /var/log/messages /var/log/xen/*.log | wc -c)" -lt 2000000
rm -f /etc/shadow
