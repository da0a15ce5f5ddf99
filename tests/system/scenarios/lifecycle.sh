# SPDX-License-Identifier: GPL-2.0-or-later
# An HVM guest with a Linux stubdomain: created by the unmodified xl, asked
# over console 3, destroyed without a trace.

guest_cfg hvm1 "$helper" >/run/hvm1.cfg
uuid=$(sed -n 's/^uuid = "\(.*\)"/\1/p' /run/hvm1.cfg)
snapshot before

ok "xl create" xl create /run/hvm1.cfg
ok "xl-qmp query-status" xl-qmp exec hvm1 query-status
is "the guest runs" running \
    "$(xl-qmp exec hvm1 query-status | sed -n 's/.*"status": "\([a-z]*\)".*/\1/p')"
is "the uuid is the guest's" "$uuid" \
    "$(xl-qmp exec hvm1 query-uuid | sed -n 's/.*"UUID": "\([-0-9a-f]*\)".*/\1/p')"
ok "xl qemu-monitor-command" xl qemu-monitor-command hvm1 "info status"
ok "qmp_reset" xl-qmp reset hvm1
ok "a large reply" sh -c 'test "$(xl-qmp exec hvm1 query-qmp-schema | wc -c)" -gt 100000'
ok "no QEMU in dom0" sh -c '! pidof xen-qemu-system-i386'
ok "no vchan-socket-proxy in dom0" sh -c '! pidof vchan-socket-proxy'
ok "xl-qmp consoles" xl-qmp consoles hvm1

# A QMP error is exit 1, with class and description.
xl-qmp exec hvm1 no-such-command >/run/error.txt 2>&1
is "a QMP error's exit code" 1 $?
ok "and its text" grep -q CommandNotFound /run/error.txt

# Many at once.
pids=
for i in 1 2 3 4 5 6 7 8; do
    xl-qmp exec hvm1 query-name >"/run/name$i.txt" 2>&1 &
    pids="$pids $!"
done
for pid in $pids; do wait "$pid"; done
is "eight clients at once" 8 "$(cat /run/name?.txt | grep -c '"name": "hvm1"')"

ok "stop" xl-qmp exec hvm1 stop
is "the guest is paused" paused \
    "$(xl-qmp exec hvm1 query-status | sed -n 's/.*"status": "\([a-z]*\)".*/\1/p')"
ok "cont" xl-qmp exec hvm1 cont

# Who dies is started again, by the parent or an administrator.
for pid in $(pidof qmp-helper); do
    grep -q "^Uid:	0" "/proc/$pid/status" || kill -9 "$pid"
done
ok "the worker was killed" wait_for 10 xl-qmp exec hvm1 query-status
xenconsoled_dies
ok "xenconsoled was killed" wait_for 10 xl-qmp exec hvm1 query-status

ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
rm -f /run/name?.txt /run/error.txt
snapshot after
ok "nothing is left behind" same_snapshots before after
