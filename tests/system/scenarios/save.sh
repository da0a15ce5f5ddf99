# SPDX-License-Identifier: GPL-2.0-or-later
# Save and restore over consoles 1 and 2.

guest_cfg hvm1 "$helper" 'serial = "file:/var/log/serial.log"' >/run/hvm1.cfg
uuid=$(sed -n 's/^uuid = "\(.*\)"/\1/p' /run/hvm1.cfg)
status_is() {
    [ "$(xl-qmp exec hvm1 query-status |
         sed -n 's/.*"status": "\([a-z]*\)".*/\1/p')" = "$1" ]
}
snapshot before
ok "xl create" xl create /run/hvm1.cfg
ok "the guest boots" \
    wait_for 60 grep -q 'the guest has booted' /var/log/serial.log

ok "xl save -c" xl save -c hvm1 /var/lib/xen/one.save
ok "the guest runs on" wait_for 10 status_is running
ok "xl save" xl save hvm1 /var/lib/xen/two.save
ok "the guest has gone" sh -c '! xl domid hvm1'
wait_for 20 sh -c '! pidof qmp-helper'
for state in one two; do
    ok "xl restore" xl restore /var/lib/xen/$state.save
    ok "the guest runs" wait_for 10 status_is running
    ok "it did not boot again" \
        count_is 1 "the guest has booted" /var/log/serial.log
    ok "it is the same guest" shows "$uuid" xl-qmp exec hvm1 query-uuid
    ok "xl destroy" xl destroy hvm1
    wait_for 20 sh -c '! pidof qmp-helper'
done
rm -f /var/lib/xen/one.save /var/lib/xen/two.save /var/log/serial.log

# A save that fails, because QEMU's state does not fit: libxl passes the
# reason on, and the guest, which counts (guests/count.s), never stops.
guest_cfg hvm1 "$helper" 'serial = "file:/var/log/serial.log"' |
    sed 's,/echo\.img,/count.img,' >/run/hvm1.cfg
says() { cat /run/save.txt; grep -q "$1" /run/save.txt; }
ok "xl create" xl create /run/hvm1.cfg
ok "the guest counts" wait_for 60 has_grown 0
state=/var/lib/xen/qemu-save.$(domid hvm1)
mkdir /run/small
mount -t tmpfs -o size=4k small /run/small
touch /run/small/state "$state"
mount --bind /run/small/state "$state"
for end in "" -c; do
    ok "no space: xl save $end fails" \
        sh -c "! xl save $end hvm1 /run/none.save >/run/save.txt 2>&1"
    ok "and says why" says 'No space left on device'
    n=$(lines)
    ok "the guest counts on" wait_for 60 has_grown "$n"
done
umount "$state" /run/small
rm -r "$state" /run/small
ok "with space it is saved" xl save hvm1 /var/lib/xen/one.save
wait_for 20 sh -c '! pidof qmp-helper'
n=$(lines)
ok "xl restore" xl restore /var/lib/xen/one.save
ok "the guest counts on" wait_for 60 has_grown "$n"
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
ok "no number is missing, none came twice" is_gapless
# The last save's stubdomain, and the one that was restored from it.
dm_log=/var/log/xen/qemu-dm-hvm1.log
sum_in() { sed -n "s/.*$1 state: \\([1-9].*, CRC-32 [0-9a-f]*\\), .*/\\1/p" "$2" | tail -1; }
saved=$(sum_in saved $dm_log.1)
ok "stubdomd says what QEMU wrote" test -n "$saved"
is "and the next one reads just that" "$saved" "$(sum_in restored $dm_log)"
ok "dom0 has compared it" sh -c "! grep 'is not checked' $helper_log"
rm -f /var/lib/xen/one.save /run/none.save /run/save.txt /var/log/serial.log
snapshot after
ok "nothing is left behind" same_snapshots before after
