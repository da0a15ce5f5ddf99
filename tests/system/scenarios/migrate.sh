# SPDX-License-Identifier: GPL-2.0-or-later
# Migration to this very host, with a guest that counts on its serial port
# all the while (guests/count.s).

guest_cfg hvm1 "$helper" 'serial = "file:/var/log/serial.log"' |
    sed 's,/echo\.img,/count.img,' >/run/hvm1.cfg
snapshot before
ok "xl create" xl create /run/hvm1.cfg
ok "the guest counts" wait_for 60 has_grown 0
before=$(domid hvm1)
for turn in 1 2; do
    n=$(lines)
    ok "xl migrate" xl migrate -s "" hvm1 "xl migrate-receive"
    ok "it is another domain" test "$(domid hvm1)" -gt "$before"
    ok "the guest counts on" wait_for 60 has_grown "$n"
    ok "QMP goes on" xl-qmp exec hvm1 query-status
done
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
ok "no number is missing, none came twice" is_gapless
rm -f /var/log/serial.log
snapshot after
ok "nothing is left behind" same_snapshots before after
