# SPDX-License-Identifier: GPL-2.0-or-later
# Twenty checkpoints of a guest that counts on its serial port; and one for
# which there is no space.

guest_cfg hvm1 "$helper" 'serial = "file:/var/log/serial.log"' |
    sed 's,/echo\.img,/count.img,' >/run/hvm1.cfg
runs() { xl-qmp exec hvm1 query-status | grep -q '"running"'; }
says() { cat /run/save.txt; grep -q "$1" /run/save.txt; }
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

# QEMU's state does not fit.
state=/var/lib/xen/qemu-save.$(domid hvm1)
mkdir /run/small
mount -t tmpfs -o size=4k small /run/small
touch /run/small/state "$state"
mount --bind /run/small/state "$state"
ok "no space: xl save -c fails" sh -c '! xl save -c hvm1 /run/none.save >/run/save.txt 2>&1'
ok "and says why" says 'No space left on device'
umount "$state" /run/small
rm -r "$state" /run/small
ok "the guest runs on" wait_for 10 runs
ok "with space it is saved" xl save hvm1 $saved
wait_for 20 sh -c '! pidof qmp-helper'
n=$(lines)
ok "xl restore" xl restore $saved
ok "the guest counts on" wait_for 60 has_grown "$n"
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
ok "no number is missing, none came twice" is_gapless
rm -f $saved /run/none.save /run/save.txt /var/log/serial.log
snapshot after
ok "nothing is left behind" same_snapshots before after
