# SPDX-License-Identifier: GPL-2.0-or-later
# Xen's own xenconsoled runs: the guest's creation is refused at once, with
# one clear line.
guest_cfg hvm1 "$helper" >/run/hvm1.cfg
snapshot before
begun=$(cut -d. -f1 /proc/uptime)
ok "xl create is refused" sh -c '! xl create /run/hvm1.cfg'
ok "within libxl's time limits" test $(($(cut -d. -f1 /proc/uptime) - begun)) -lt 25
log=$helper_log
ok "one line in the log" count_is 1 xenconsoled "$log"
ok "which names the remedy" grep -q 'xenqmp' "$log"
xl destroy hvm1 2>/dev/null
wait_for 20 sh -c '! pidof qmp-helper vchan-socket-proxy'
snapshot after
ok "nothing is left behind" same_snapshots before after
xl-qmp consoles >/run/consoles.txt 2>&1
is "xl-qmp consoles: exit code" 3 $?
is "xl-qmp consoles: one line" 1 "$(wc -l </run/consoles.txt)"
rm -f /run/consoles.txt
