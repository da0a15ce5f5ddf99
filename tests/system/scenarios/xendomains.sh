# SPDX-License-Identifier: GPL-2.0-or-later
# The host is shut down and started again, that is, Debian's own script is
# run with Debian's own settings: it saves the guests, which then go on.
script=/etc/init.d/xendomains
saved=/var/lib/xen/save
guests="hvm1 hvm2"
mkdir -p $saved
serial_of() { echo "/var/log/serial-$1.log"; }

# Always 0 is what the script returns.
stop() {
    $script stop
    [ "$(ls $saved | xargs)" = "$guests" ]
}
start() {
    $script start
    [ -z "$(ls $saved)" ]
}
guests_running() { xl list | awk 'NR > 1 && $1 != "Domain-0" && $1 !~ /-dm$/ { print $1 }' | xargs; }

for g in $guests; do
    guest_cfg $g "$helper" "serial = \"file:$(serial_of $g)\"" |
        sed 's,/echo\.img,/count.img,' >/run/$g.cfg
done
snapshot before
for g in $guests; do
    ok "xl create $g" xl create /run/$g.cfg
    ok "$g counts" wait_for 60 has_grown 0 "$(serial_of $g)"
done

begun=$(seconds)
ok "xendomains stop saves both" stop
is "none runs" "" "$(guests_running)"
ok "their helpers have gone" wait_for 20 sh -c '! pidof qmp-helper'
for g in $guests; do lines "$(serial_of $g)" >"/run/lines-$g.txt"; done
echo "# stop: $begun to $(seconds)"

begun=$(seconds)
ok "xendomains start restores both" start
echo "# start: $begun to $(seconds)"
is "they run" "$guests" "$(guests_running)"
for g in $guests; do
    ok "$g counts on" wait_for 60 has_grown "$(cat /run/lines-$g.txt)" "$(serial_of $g)"
    ok "$g answers" xl-qmp exec $g query-status
    ok "xl destroy $g" xl destroy $g
    ok "$g: no number is missing, none came twice" is_gapless "$(serial_of $g)"
    rm -f "$(serial_of $g)" "/run/lines-$g.txt"
done
wait_for 20 sh -c '! pidof qmp-helper'
snapshot after
ok "nothing is left behind" same_snapshots before after
