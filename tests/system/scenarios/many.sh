# SPDX-License-Identifier: GPL-2.0-or-later
# Eight guests, two stock ones beside them: one with its QEMU in a
# stubdomain and another QEMU in dom0 for the consoles, one with QEMU in
# dom0 alone. Nothing of one ever reaches another.

guests="1 2 3 4 5 6 7 8"
for i in $guests; do
    guest_cfg "hvm$i" "$helper" 'serial = "pty"' >"/run/hvm$i.cfg"
done
guest_cfg stock1 "$stock" >/run/stock1.cfg
guest_cfg stock2 | sed '/stubdom/d; /device_model_args_hvm/d' >/run/stock2.cfg

# at_once COMMAND...: for each guest, its number behind the command; how
# many failed.
at_once() {
    local pids= pid i failed=0
    for i in $guests; do
        "$@" "$i" >"/run/many.$i.txt" 2>&1 &
        pids="$pids $!"
    done
    for pid in $pids; do wait "$pid" || failed=$((failed + 1)); done
    [ $failed = 0 ] || tail -n 3 /run/many.*.txt | sed 's/^/# /' >&2
    echo $failed
}
# Two at a time: libxl waits 30 s for a stubdomain, and this host is slow.
by_twos() {
    local all=$guests failed=0
    for guests in "1 2" "3 4" "5 6" "7 8"; do
        failed=$((failed + $(at_once "$@")))
    done
    guests=$all
    echo $failed
}
create() { xl create "/run/hvm$1.cfg"; }
save() { xl save "hvm$1" "/var/lib/xen/hvm$1.save"; }
restore() { xl restore "/var/lib/xen/hvm$1.save"; }
destroy() { xl destroy "hvm$1"; }
# Its own QEMU answers, and it says so on its own serial port.
is_itself() {
    local uuid
    uuid=$(sed -n 's/^uuid = "\(.*\)"/\1/p' "/run/hvm$1.cfg")
    shows "$uuid" xl-qmp exec "hvm$1" query-uuid &&
        shows "\"hvm$1\"" xl-qmp exec "hvm$1" query-name &&
        shows "^hvm$1" xl qemu-monitor-command "hvm$1" "info name"
}
# Five times: it may be booting, and eight at once take seconds a line. All
# speak at the same time; a word of another's is the end.
echoes() {
    local tty
    tty=$(xenstore-read "/local/domain/$(domid "hvm$1")/serial/0/tty")
    timeout 240 busybox sh -c "exec 3<>$tty; stty -F $tty raw -echo
        heard=0
        while [ \$heard -lt 5 ]; do
            echo 'I am $1' >&3
            read -r -t 20 line <&3 || continue
            case \$line in
            *'I am $1'*) heard=\$((heard + 1)) ;;
            *'I am '[0-9]*) echo \"hvm$1 hears: \$line\"; exit 1 ;;
            esac
        done"
}

snapshot before
ok "a stock guest with a stubdomain" xl create /run/stock1.cfg
ok "a stock guest without" xl create /run/stock2.cfg
is "eight are created" 0 "$(by_twos create)"
is "each is itself" 0 "$(at_once is_itself)"
is "each hears itself" 0 "$(at_once echoes)"
is "eight are saved at once" 0 "$(at_once save)"
wait_for 60 sh -c '! pidof qmp-helper'
is "eight are restored" 0 "$(by_twos restore)"
is "each is itself" 0 "$(at_once is_itself)"
is "each hears itself" 0 "$(at_once echoes)"
ok "the stock guests answer" xl qemu-monitor-command stock1 "info status"
ok "both of them" xl qemu-monitor-command stock2 "info status"
is "eight are destroyed at once" 0 "$(at_once destroy)"
xl destroy stock1
xl destroy stock2
wait_for 60 sh -c '! pidof qmp-helper xen-qemu-system-i386 vchan-socket-proxy'
rm -f /var/lib/xen/hvm*.save /run/many.*.txt
snapshot after
ok "nothing is left behind" same_snapshots before after
