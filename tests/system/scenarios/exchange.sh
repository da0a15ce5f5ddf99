# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that was saved with its QEMU in dom0 is restored with its QEMU in a
# stubdomain, and the other way round. It counts on its serial port: no
# number is lost or comes twice.

guest_cfg hvm1 "$helper" 'serial = "file:/var/log/serial.N"' |
    sed 's,/echo\.img,/count.img,' >/run/ours.cfg
sed -e '/stubdom/d' -e '/device_model_override/d' \
    -e 's,/count\.img,/tests/count.img,' /run/ours.cfg >/run/stock.cfg
# QEMU in dom0 begins its serial port's file anew: each has its own.
configuration() { sed "s/serial\.N/serial.$2/" "/run/$1.cfg" >/run/hvm1.cfg; }
counts() { [ "$(wc -l <"/var/log/serial.$1")" -gt 200 ]; }

since() { awk "BEGIN { print $(seconds) - $1 }"; }

snapshot before
configuration stock 1
ok "xl create, stock" xl create /run/hvm1.cfg
ok "the guest counts" wait_for 60 counts 1
turn=1 was=stock
for setup in ours stock ours; do
    begun=$(seconds)
    ok "xl save" xl save hvm1 /var/lib/xen/exchange.save
    echo "# xl save, $was: $(since "$begun") s"
    wait_for 20 sh -c '! pidof qmp-helper xen-qemu-system-i386'
    turn=$((turn + 1))
    configuration $setup $turn
    begun=$(seconds)
    ok "xl restore, $setup" xl restore /run/hvm1.cfg /var/lib/xen/exchange.save
    echo "# xl restore, $setup: $(since "$begun") s"
    was=$setup
    ok "the guest counts on" wait_for 60 counts $turn
done
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
cat /var/log/serial.? >/var/log/serial.log
ok "no number is missing, none came twice" is_gapless
rm -f /var/log/serial.* /var/lib/xen/exchange.save
snapshot after
ok "nothing is left behind" same_snapshots before after
