# SPDX-License-Identifier: GPL-2.0-or-later
# Everything that can die dies in the midst of everything that an
# administrator does: what he sees is an error or nothing at all, the guest
# lives wherever its QEMU does, one xl destroy clears away what is left, and
# the next one works. The guest counts on its serial port, and no number is
# lost. $fault_cases, if set, are all that are tried: FAULT-OPERATION.

guest_cfg hvm1 "$helper" 'serial = "file:/var/log/serial.log"' "$hostile" \
    'on_reboot = "destroy"' |
    sed 's,/echo\.img,/count.img,' >/run/hvm1.cfg
saved=/var/lib/xen/faults.save
base=/var/lib/xen/faults-base.save

create() { xl create /run/hvm1.cfg; }
save() { xl save hvm1 $saved; }
restore() { xl restore $base; }
migrate() { xl migrate -s "" hvm1 "xl migrate-receive"; }
# Left as a user leaves it, once something was hit.
console() { { wait_for 60 test -e /run/hit.txt; printf '\035'; } | xl console hvm1; }
qmp() { xl-qmp batch --repeat 200 hvm1 /run/batch.txt; }
echo query-status >/run/batch.txt

# Each fails if there is nothing to hit yet.
helpers() {
    local pid uid
    for pid in $(pidof qmp-helper); do
        uid=$(awk '$1 == "Uid:" { print $2 }' "/proc/$pid/status")
        if [ "$1" = parent ] && [ "$uid" = 0 ]; then echo "$pid"; fi
        if [ "$1" = worker ] && [ "$uid" != 0 ]; then echo "$pid"; fi
    done
}
worker_dies() { kill -9 $(helpers worker); }
parent_dies() { kill -9 $(helpers parent); }
# Its stubdomain goes with it, having said so.
qemu_dies() {
    local dm
    dm=$(domid hvm1-dm) && xenstore-write "/local/domain/$dm/attack" kill-qemu
    wait_for 5 grep -q 'QEMU was killed' /var/log/xen/qemu-dm-hvm1.log
}
stubdomain_dies() {
    local dm
    dm=$(domid hvm1-dm) && xl destroy "$dm"
}
xl_dies() { kill -9 $(pidof xl libxl-save-helper); }

runs() { shows '"status": "running"' xl-qmp exec hvm1 query-status; }
# The first and the last line may have been cut. (A number that begins with 0
# is octal to this awk.) Of a guest that ran it is never empty.
is_gapless_here() {
    sed '1d; $d; s/^/1/; s/\r$//' /var/log/serial.log | awk '
        NR > 1 && $0 != last + 1 { print "line " NR ", after " last ":"; bad++ }
        bad && bad++ < 8 { print }
        { last = $0 }
        END { if (NR < 1) print "it has not counted"; exit bad > 0 || NR < 1 }'
}
# A zombie has ended, too.
is_at_work() {
    case $(cat "/proc/$1/stat" 2>/dev/null) in
    '' | *') Z '*) false ;;
    esac
}
# All that is left of it, by one xl destroy each.
clear_away() {
    local guest
    for guest in $(xl list | awk '$1 ~ /^hvm1/ && $1 !~ /-dm$/ { print $1 }'); do
        xl destroy "$guest"
    done
    wait_for 20 sh -c '! pidof qmp-helper xl libxl-save-helper'
    rm -f $saved /var/log/serial.log /var/log/xen/qemu-dm-hvm1.log
}
centiseconds() { tr -d . </proc/uptime | cut -d' ' -f1; }
# before OPERATION: what it needs.
before() {
    case $1 in
    create | restore) ;;
    *) xl restore $base && wait_for 20 runs ;;
    esac
}

# hit FAULT PID: in the midst of the operation, which is that process.
hit() {
    is_at_work "$2" && "${1}_dies" >/run/dies.txt 2>&1 && touch /run/hit.txt
}
# broken FAULT OPERATION: in one of three moments of it, in turn; the longer
# part of a save is the guest's end.
turn=0
broken() {
    local fault=$1 operation=$2 pid status=0 started took
    eval "took=\$took_$operation"
    turn=$((turn % 3 + 1))
    clear_away
    before "$operation" >/run/before.txt 2>&1 || { cat /run/before.txt; return 1; }
    started=$(centiseconds)
    rm -f /run/hit.txt
    $operation >/run/operation.txt 2>&1 &
    pid=$!
    case $operation in
    save | qmp) usleep $((took * turn * 800)) ;;
    *) usleep $((took * turn * 2500)) ;;
    esac
    wait_for 10 hit "$fault" $pid
    ( while [ $(centiseconds) -lt $((started + 24000)) ]; do usleep 100000; done
      kill -9 $pid ) 2>/dev/null &
    wait $pid || status=$?
    kill $! 2>/dev/null
    echo "# $fault dies in moment $turn of $operation: exit $status after $(($(centiseconds) - started)) of usually $took cs" >/run/said.txt
    tail -2 /run/operation.txt | cut -c1-200 | sed 's/^/#   /' >>/run/said.txt
    [ -e /run/hit.txt ] || { echo "there was no $fault to hit, or no $operation any more"; cat /run/dies.txt /run/said.txt; return 1; }
    what_is_left "$fault" "$operation" "$status"
}
lives() {
    local n
    case $1 in qemu | stubdomain) return ;; esac
    n=$(lines)
    wait_for 20 runs || { echo "its QEMU does not run"; return 1; }
    wait_for 20 has_grown "$n" || {
        echo "it does not count"
        xl vcpu-list
        xl-qmp exec hvm1 query-status
        xl-qmp stats
        return 1
    }
}
what_is_left() {
    [ "$3" != 137 ] || [ "$1" = xl ] || { echo "$2 did not end"; return 1; }
    if [ "$3" != 0 ] && [ "$1" != xl ] && [ ! -s /run/operation.txt ]; then
        echo "exit $3, and not a word"
        return 1
    fi
    case $2-$3 in
    save-0)
        # What it has written is whole.
        ! domid hvm1 2>/dev/null || { echo "saved, and still here"; return 1; }
        xl restore $saved && lives none || return 1 ;;
    create-0 | restore-0 | migrate-0 | console-* | qmp-*) lives "$1" || return 1 ;;
    # Whoever kills xl has to see to its guest.
    save-* | migrate-*) [ "$1" = xl ] || lives "$1" || return 1 ;;
    # What never ran has counted nothing.
    create-* | restore-*) [ -s /var/log/serial.log ] || return 0 ;;
    esac
    is_gapless_here
}
leaves_nothing() {
    clear_away
    case $1 in
    # An empty directory may stay, which the next one removes.
    parent-*) rmdir /run/xenqmp/* /run/xenqmp 2>/dev/null ;;
    # libxl makes a stubdomain before it writes down whose it is.
    xl-*)
        for dm in hvm1-dm hvm1--incoming-dm; do
            ! domid $dm >/dev/null 2>&1 || xl destroy $dm
        done ;;
    esac
    snapshot after
    same_snapshots before after
}

# What each takes when nothing dies.
timed() {
    local started
    started=$(centiseconds)
    "$1" || return 1
    eval "took_$1=$(($(centiseconds) - started))"
}
took_console=100
# Xen cannot migrate a guest whose firmware moves its memory about.
saves_the_base() {
    clear_away
    timed create && wait_for 60 has_grown 0 && timed migrate && save &&
        mv $saved $base
}
restores_and_saves() {
    clear_away
    timed restore && wait_for 20 runs && timed qmp && timed save
}
snapshot before
ok "a guest is created, migrated, and saved for all cases" saves_the_base
ok "it is restored, and saved" restores_and_saves
echo "# create, migrate, save, restore, qmp take $took_create, $took_migrate, $took_save, $took_restore, $took_qmp cs"
clear_away
snapshot before

: "${fault_cases:=$(for f in xenconsoled worker parent qemu stubdomain xl; do
    for o in create save restore migrate console qmp; do echo "$f-$o"; done
done)}"
for case in $fault_cases; do
    ok "$case" broken "${case%-*}" "${case#*-}"
    cat /run/said.txt
    ok "$case: nothing is left" leaves_nothing "$case"
done
ok "the next one is created" create
ok "nothing is left at all" leaves_nothing
rm -f $base /run/batch.txt
