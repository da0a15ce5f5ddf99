# SPDX-License-Identifier: GPL-2.0-or-later
# An emulated NIC reaches dom0 through the stubdomain, and is reached: the
# guest's firmware asks for an address, and asks for the one that dom0 offers
# it, which it has to have heard for that.

ip link add xenbr0 type bridge
ip addr add 10.77.0.1/24 dev xenbr0
ip link set xenbr0 up
cat >/run/udhcpd.txt <<END
start 10.77.0.50
end 10.77.0.59
interface xenbr0
lease_file /run/leases.txt
pidfile /run/udhcpd.pid.txt
END
touch /run/leases.txt
snapshot before
udhcpd -f /run/udhcpd.txt >/run/udhcpd.log.txt 2>&1 &
udhcpd=$!
guest_cfg hvm1 "$helper" \
    'vif = [ "mac=00:16:3e:77:00:01,bridge=xenbr0,model=e1000,type=ioemu", "mac=00:16:3e:77:00:02,bridge=xenbr0,model=rtl8139,type=ioemu" ]' |
    sed -e 's/^boot = .*/boot = "n"/' -e '/^device_model_args_hvm/d' \
        -e 's,stubdom/initrd.tests,stubdom/initrd,' >/run/hvm1.cfg
ok "xl create" xl create /run/hvm1.cfg
dm=$(dm_domid hvm1)
ok "no QEMU in dom0" sh -c '! pidof xen-qemu-system-i386'
for n in 0 1; do
    ok "NIC $n has a vif on dom0's bridge" test -e "/sys/class/net/xenbr0/brif/vif$dm.$n"
done
ok "the guest's firmware asks for an address and takes it" \
    wait_for 120 grep -q 'sending ACK to 10.77.0.5' /run/udhcpd.log.txt
ok "nobody is busy while it is paused" all_rest hvm1
ok "xl destroy" xl destroy hvm1
kill $udhcpd
wait $udhcpd
wait_for 20 sh -c '! pidof qmp-helper'
snapshot after
ok "nothing is left behind" same_snapshots before after
ip link del xenbr0
