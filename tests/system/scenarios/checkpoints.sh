# SPDX-License-Identifier: GPL-2.0-or-later
# Twenty checkpoints of a guest that counts on its serial port.

guest_cfg hvm1 "$helper" 'serial = "file:/var/log/serial.log"' |
    sed 's,/echo\.img,/count.img,' >/run/hvm1.cfg
runs() { shows '"running"' xl-qmp exec hvm1 query-status; }
saved=/var/lib/xen/checkpoint.save
snapshot before
ok "xl create" xl create /run/hvm1.cfg
failed=0 turn=0
while [ $turn -lt 20 ]; do
    turn=$((turn + 1))
    xl save -c hvm1 $saved >/run/save.txt 2>&1 || failed=$((failed + 1))
done
is "twenty times xl save -c" 0 $failed
ok "the guest runs on" wait_for 10 runs

ok "it is saved for good" xl save hvm1 $saved
wait_for 20 sh -c '! pidof qmp-helper'
n=$(lines)
ok "xl restore" xl restore $saved
ok "the guest counts on" wait_for 60 has_grown "$n"
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
ok "no number is missing, none came twice" is_gapless
rm -f $saved /run/save.txt /var/log/serial.log
snapshot after
ok "nothing is left behind" same_snapshots before after
