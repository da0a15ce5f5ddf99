# SPDX-License-Identifier: GPL-2.0-or-later
# Channels of PV and PVH guests: with qmp-helper in QEMU's place they are
# xenconsoled's, on the unmodified xl, which in some versions loses the first
# that a configuration names (libxl/helper/channels.h).

answers_on_first() {
    wait_for 20 grep -q "$first: hello" /run/first.txt || {
        cat /run/first.txt
        xl-qmp stats chan
        return 1
    }
}
snapshot before
for type in pv pvh; do
    cat >/run/chan.cfg <<END
name = "chan"
type = "$type"
memory = 256
kernel = "/var/lib/xenqmp/stubdom/vmlinuz"
ramdisk = "/var/lib/xenqmp/stubdom/initrd.unpacked"
extra = "console=hvc0 quiet norandmaps rdinit=/pv.init"
tsc_mode = "native"
channel = [ "connection=pty,name=maybe", "connection=pty,name=first", "connection=socket,name=second,path=/run/second.sock" ]
$stand_in
END
    ok "$type: xl create" xl create /run/chan.cfg
    ok "$type: no QEMU in dom0" sh -c '! pidof xen-qemu-system-i386'
    n=$(domid chan)
    ok "$type: the socket is there" wait_for 20 test -S /run/second.sock
    ok "$type: the first channel has a pty" wait_for 60 shows /dev/pts \
        xenstore-read "/local/domain/$n/device/console/1/tty"
    ok "$type: the guest has booted" wait_for 60 grep -q 'the guest has booted' \
        /var/log/xen/console/guest-chan.log
    tty=$(xenstore-read "/local/domain/$n/device/console/1/tty")
    first=$(xenstore-read "/local/domain/$n/device/console/1/name")
    channels=$(xenstore-list "/local/domain/$n/device/console" | wc -l)
    ok "$type: it is the first that xl has not lost" sh -c 'case "$1 $2" in
        "2 first" | "3 maybe") ;;
        *) echo "the first of $1 is $2"; exit 1 ;;
        esac' - "$channels" "$first"
    cat "$tty" >/run/first.txt &
    reader=$!
    echo hello >"$tty"
    ok "$type: it answers on the first" answers_on_first
    (echo hello; wait_for 20 grep -q 'second: hello' /run/second.txt) |
        socat -t1 - UNIX-CONNECT:/run/second.sock >/run/second.txt
    ok "$type: it answers on the second" grep -q 'second: hello' /run/second.txt
    xl channel-list chan >/run/list.txt
    ok "$type: xl channel-list shows the pty" grep -q "pty *$tty" /run/list.txt
    ok "$type: and the socket" grep -q socket /run/list.txt
    ok "$type: xl destroy" xl destroy chan
    wait $reader 2>/dev/null
    wait_for 20 sh -c '! pidof qmp-helper'
    rm -f /run/first.txt /run/second.txt /run/list.txt /var/log/xen/console/guest-chan.log
done
snapshot after
ok "nothing is left behind" same_snapshots before after
