# SPDX-License-Identifier: GPL-2.0-or-later
# What xl asks of a guest's QEMU while it runs, and an administrator by
# xl-qmp; reboot, rename.

guest_cfg hvm1 "$helper" 'maxvcpus = 2' 'serial = "pty"' \
    'on_reboot = "restart"' >/run/hvm1.cfg
status_is() { shows "\"status\": \"$2\"" xl-qmp exec "$1" query-status; }
tty() { xenstore-read "/local/domain/$(domid "$1")/serial/0/tty"; }
boots() { grep -c 'the guest has booted' /var/log/serial.log; }
booted() { [ "$(boots)" -ge "$1" ]; }
# vcpus_are N: plugged in, as QEMU has it.
vcpus_are() { [ "$(xl-qmp exec hvm1 query-cpus-fast | grep -o 'cpu-index' | wc -l)" = "$1" ]; }
is_in_state() { xl list "$1" | awk -v s="$2" 'NR == 2 && index($5, s) { ok = 1 } END { exit !ok }'; }
monitor() { xl qemu-monitor-command hvm1 "$1" | wc -c; }

snapshot before
ok "xl create" xl create /run/hvm1.cfg
cat "$(tty hvm1)" >/var/log/serial.log &
reader=$!
ok "the guest boots" wait_for 60 booted 1
ok "xl pause" xl pause hvm1
ok "it is paused" is_in_state hvm1 p
ok "xl unpause" xl unpause hvm1
ok "it is not" not shows ' --p' xl list hvm1
ok "one vcpu" vcpus_are 1
ok "xl vcpu-set up" xl vcpu-set hvm1 2
ok "two vcpus" wait_for 10 vcpus_are 2
# Without ACPI the guest never lets go of one; the request must not fail.
ok "xl vcpu-set down" xl vcpu-set hvm1 1
ok "xl qemu-monitor-command info qtree" test "$(monitor 'info qtree')" -gt 2000
ok "xl qemu-monitor-command info mtree" test "$(monitor 'info mtree')" -gt 2000
ok "xl mem-set" xl mem-set hvm1 60
ok "xl trigger nmi" xl trigger hvm1 nmi
ok "xl button-press" xl button-press hvm1 sleep
ok "QMP goes on" status_is hvm1 running

# xl-qmp's commands, by domain number and UUID as well.
n=$(domid hvm1)
uuid=$(sed -n 's/^uuid = "\(.*\)"/\1/p' /run/hvm1.cfg)
xl-qmp events "$n" --filter STOP RESUME >/run/events.txt &
events=$!
xl-qmp events hvm1 --filter 'NIC_*' >/run/other-events.txt &
others=$!
events_are_heard() { [ "$(lines /run/events.txt)" -ge 2 ] || { xl-qmp exec hvm1 stop && xl-qmp exec hvm1 cont && false; }; }
ok "xl-qmp events" wait_for 20 events_are_heard
ok "the one with another filter listens, too" kill -0 $others
kill $events $others
wait $events $others
is "one JSON object a line, of those that were asked for" 0 \
    "$(grep -cvE '^\{.*"event": "(STOP|RESUME)".*\}$' /run/events.txt)"
is "and hears nothing" 0 "$(lines /run/other-events.txt)"
terminal_open env TERM=dumb xl-qmp shell "$uuid"
say query-status
ok "xl-qmp shell" wait_for 20 heard running
printf '\004' >&3
ok "Ctrl-D ends it" wait_for 20 terminal_has_ended
terminal_close
xl-qmp stats --openmetrics >/run/stats.txt
is "xl-qmp stats: guest and stubdomain, QMP, an end" 4 "$(grep -c -e '^# EOF$' \
    -e '^xenqmp_console_written_bytes_total{.*name="hvm1-dm",console="4"' \
    -e '^xenqmp_console_written_bytes_total{.*name="hvm1-dm",console="3"' \
    -e '^xenqmp_qmp_commands_total{.*name="hvm1"' /run/stats.txt)"
rm -f /run/events.txt /run/other-events.txt /run/stats.txt /run/heard.txt

# Another domain and another stubdomain, by xl's own process.
first=$(domid hvm1)
is_another() { [ "$(domid hvm1)" -gt "$first" ] && xl-qmp exec hvm1 query-status; }
printf '\022' >"$(tty hvm1)"
ok "it reboots as another domain" wait_for 60 is_another
wait $reader
cat "$(tty hvm1)" >>/var/log/serial.log &
reader=$!
ok "the guest boots again" wait_for 60 booted 2
ok "QMP goes on" wait_for 10 status_is hvm1 running

ok "xl rename" xl rename hvm1 other
ok "under its new name" xl-qmp exec other query-status
ok "xl qemu-monitor-command" xl qemu-monitor-command other "info status"

# It ends as a guest does, and xl's own process clears away.
printf '\020' >"$(tty other)"
ok "the guest powers off" wait_for 60 sh -c '! xl domid other'
ok "and all of it goes" wait_for 20 sh -c '! pidof qmp-helper xl'
wait $reader
rm -f /var/log/serial.log
snapshot after
ok "nothing is left behind" same_snapshots before after
