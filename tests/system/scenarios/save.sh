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
    ok "it is the same guest" sh -c "xl-qmp exec hvm1 query-uuid | grep -q $uuid"
    ok "xl destroy" xl destroy hvm1
    wait_for 20 sh -c '! pidof qmp-helper'
done
rm -f /var/lib/xen/one.save /var/lib/xen/two.save /var/log/serial.log
snapshot after
ok "nothing is left behind" same_snapshots before after
