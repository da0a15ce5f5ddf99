# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the scenarios are written in. They run in dom0, in one shell, one
# after the other; each leaves dom0 as it found it.

checks=0 failures=0

seconds() { cut -d' ' -f1 /proc/uptime; }

# ok NAME COMMAND...: one line of TAP. If the command failed, what it printed,
# and what is in the files that it looked into.
ok() {
    local name=$1 word
    shift
    checks=$((checks + 1))
    if "$@" >/run/ok.out 2>&1; then
        echo "ok $checks - $scenario_name: $name"
        return
    fi
    failures=$((failures + 1))
    echo "not ok $checks - $scenario_name: $name"
    echo "# command: $*"
    {
        cat /run/ok.out
        for word; do
            case $word in
            *.ppm | *.png) ;;
            /run/* | /var/log/*) [ ! -f "$word" ] || { echo "$word:"; cat "$word"; } ;;
            esac
        done
    } | tail -30 | tr -cd '\11\12\40-\176' | cut -c1-300 | sed 's/^/# /'
}

# is NAME WANTED FOUND
is() {
    if [ "$2" = "$3" ]; then ok "$1" true
    else ok "$1" say_and_fail "wanted '$2', found '$3'"; fi
}
say_and_fail() { echo "$*"; false; }

fail() { ok "$*" false; }

# count_is WANTED PATTERN FILE: so many lines of it match.
count_is() { [ "$(grep -c -e "$2" "$3")" = "$1" ]; }

# shows PATTERN COMMAND...: a line that it prints matches.
shows() {
    local pattern=$1 said
    shift
    said=$("$@" 2>&1)
    echo "$said"
    echo "$said" | grep -q -e "$pattern"
}

not() { ! "$@"; }

# wait_for SECONDS COMMAND...: until it succeeds. The emulated processors are
# slow: they get four times as long. Asking costs them more than waiting: their
# time jumps while nobody has work.
wait_for() {
    local limit=$(($(cut -d. -f1 /proc/uptime) + 4 * $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(cut -d. -f1 /proc/uptime)" -lt $limit ] || { "$@"; return; }
        usleep 500000
    done
}

# As after a crash, and another at once: when its lock is free. (A process that
# was killed is not dead yet.)
xenconsoled_dies() {
    kill -9 "$(cat /run/xenconsoled.pid)"
    flock /run/xenconsoled.pid true
    $xenconsoled
}

# A sign that time goes on (see boot); no job of this shell's, which scenarios
# wait for.
beat() {
    (while echo "== beat"; do sleep 10; done >/dev/ttyS1 & echo $! >/run/beat.pid)
}

finish() {
    kill "$(cat /run/beat.pid)"
    [ $checks = 0 ] || echo "1..$checks"
    if [ $failures = 0 ]; then
        echo "== passed"
    else
        # What may be all that is kept of it.
        {
            tail -n 8 /var/log/messages /var/log/xen/q*.log /var/log/xen/xl-*.log
            xl dmesg | tail -n 8
        } 2>&1 | sed 's/^/# /'
        echo "== failed"
        xenstore-ls -f >/run/xenstore.txt 2>&1
        dmesg >/run/dmesg.txt
        ps >/run/ps.txt
        echo "== logs"
        tar -cz /var/log /run/*.txt 2>/dev/null | base64
    fi
    # Until the serial port has sent it all.
    stty -F /dev/ttyS1 -echo
}

# A guest's configuration on stdout: guest_cfg NAME [LINE...]. The guest
# halts, from a floppy within its stubdomain's image: a BIOS with nothing to
# boot starts again after a minute.
guest_cfg() {
    cat <<END
name = "$1"
uuid = "$(cat /proc/sys/kernel/random/uuid)"
type = "hvm"
memory = 64
vcpus = 1
device_model_version = "qemu-xen"
device_model_stubdomain_override = 1
stubdomain_kernel = "/var/lib/xenqmp/stubdom/vmlinuz"
stubdomain_ramdisk = "/var/lib/xenqmp/stubdom/initrd.tests"
stubdomain_memory = 144
stubdomain_cmdline = "norandmaps randomize_kstack_offset=off rodata=off cryptomgr.notests initcall_blacklist=tracer_init_tracefs,boot_wait_for_devices,print_s5_reset_status_mmio rootfstype=ramfs"
vnc = 0
boot = "a"
device_model_args_hvm = [ "-drive", "if=floppy,file=/echo.img,format=raw,readonly=on" ]
END
    shift
    for line; do echo "$line"; done
}
# What qmp-helper needs on an unmodified libxl; one with the patches is told
# by a setting of its own.
stand_in='device_model_override = "/usr/libexec/xenqmp/qmp-helper"'
is_native() { [ -e /tests/native ]; }
helper=$stand_in
helper_log=/var/log/xen/qemu-dm-hvm1-dm.log
if is_native; then
    helper='stubdomain_transport = "console"'
    helper_log=/var/log/xen/qmp-proxy-hvm1-dm.log
fi
# What rdinit= chooses and is more than a shell lies in an image of its own.
unpacked='stubdomain_ramdisk = "/var/lib/xenqmp/stubdom/initrd.unpacked"
stubdomain_memory = 192'
# A stock guest's; an unmodified xl passes over the transport.
stock='stubdomain_transport = "vchan"
'$unpacked'
stubdomain_cmdline = "norandmaps randomize_kstack_offset=off rdinit=/stock.init"'
# A stubdomain that attacks dom0 (guests/hostile.init).
hostile=$unpacked'
stubdomain_cmdline = "norandmaps randomize_kstack_offset=off rdinit=/hostile.init"'
# The same, of a guest that boots from its first disk: disk_guest_cfg NAME
# DISKS [LINE...]; the disks as in the list, in quotes.
disk_guest_cfg() {
    local name=$1 disks=$2
    shift 2
    guest_cfg "$name" "$@" "disk = [ $disks ]" |
        sed -e 's/^boot = .*/boot = "c"/' -e '/^device_model_args_hvm/d' \
            -e 's,stubdom/initrd.tests,stubdom/initrd,'
}

# os_cfg DISK [LINE...]: of a guest that boots an operating system from a CD
# (guests/os.init), with another disk, if it's not "".
os_cfg() {
    local disk=$1
    shift
    guest_cfg os "$helper" 'serial = "pty"' 'tsc_mode = "native"' \
        "disk = [ ${disk:+\"$disk\", }\"vdev=hdc,devtype=cdrom,access=ro,format=raw,target=/tests/os.iso\" ]" "$@" |
        sed -e '/^device_model_args_hvm.*echo/d' -e 's,stubdom/initrd.tests,stubdom/initrd,' \
            -e 's/^boot = .*/boot = "d"/' -e 's/^memory = .*/memory = 128/'
}
# linux_cfg [LINE...]: of the same, whose Linux lies in its memory when it starts
# (guests/linux.s). So it hardly runs 16-bit code, at which the emulated
# processor goes astray now and then (docs/testing.md).
linux_cfg() {
    os_cfg "" 'device_model_args_hvm = [ "-readconfig", "/os/devices" ]' "$@" |
        sed -e 's,stubdom/initrd",stubdom/initrd.os",' -e 's/^boot = .*/boot = "a"/' \
            -e 's/^stubdomain_memory.*/stubdomain_memory = 320/'
}
# One sits at a terminal: terminal_open COMMAND..., say TEXT, and it has
# heard() something by now. xl console takes no input but a terminal's.
terminal_open() {
    mkfifo /run/keyboard.txt
    # Not what another terminal showed.
    : >/run/heard.txt
    socat -t 1 "EXEC:$*,pty,raw,echo=0" - </run/keyboard.txt >/run/heard.txt 2>&1 &
    terminal=$!
    exec 3<>/run/keyboard.txt
}
say() { printf '%s\n' "$1" >&3; }
heard() { grep -qF "$1" /run/heard.txt; }
terminal_has_ended() { ! kill -0 $terminal; }
terminal_close() {
    exec 3>&-
    wait $terminal
    rm -f /run/keyboard.txt
}

domid() { xl domid "$1"; }
dm_domid() { xenstore-read "/local/domain/$(domid "$1")/image/device-model-domid"; }

# The state of dom0 that a guest's life must not change; of a dom0, that is,
# in which libxl has run a guest before.
snapshot() {
    for node in /libxl /vm /local/domain/0/device-model /local/domain/0/backend \
        /local/domain/0/backend/console /local/domain/0/backend/qdisk \
        /local/domain/0/backend/vbd /local/domain/0/backend/vfb \
        /local/domain/0/backend/vkbd; do
        xenstore-list $node >/dev/null 2>&1 || xenstore-write $node ""
    done
    {
        # Kernel threads come and go.
        for p in /proc/[0-9]*; do
            [ -s "$p/cmdline" ] && tr '\0' ' ' <"$p/cmdline" | sed 's/^/process /' && echo
        done | grep -v -e ' sed ' -e ' tr ' -e ' sleep 10 $' | sort
        find /run /tmp /var/lib/xen ! -path '/run/*.snapshot' \
            ! -path /run/ok.out ! -path '/run/*.cfg' ! -path '/run/*.txt' \
            ! -path /run/xen/domid-history ! -path '/run/xen-hotplug/*' \
            ! -path /run/xenstored/db | sort
        sort -k8 /proc/net/unix | awk '$8 != "" { print "socket", $8 }' | sort -u
        xenstore-ls -f | grep -v -e '^/local/domain/0/memory' | sort
        ls /proc/$(cat /run/xenconsoled.pid)/fd | wc -l | sed 's/^/xenconsoled descriptors /'
    } >"/run/$1.snapshot" 2>/dev/null
}
same_snapshots() { diff -u "/run/$1.snapshot" "/run/$2.snapshot"; }

# Of a guest that counts on its serial port (guests/count.s), or in a log.
lines() { wc -l <"${1:-/var/log/serial.log}"; }
has_grown() { [ "$(lines "${2-}")" -gt $(($1 + 100)) ]; }
# Each number is the one before it and one; the last may have been cut.
is_gapless() {
    sed '$d' "${1:-/var/log/serial.log}" | awk '{ sub("\r", "") }
        $0 != sprintf("%08d", NR - 1) { print "line " NR ": " $0; exit 1 }'
}

# PSS and private dirty kB of the processes with these pids.
memory_of() {
    for p; do cat "/proc/$p/smaps_rollup"; done 2>/dev/null |
        awk '/^Pss:/ { pss += $2 } /^Private_Dirty:/ { dirty += $2 }
             END { printf "%d %d\n", pss, dirty }'
}

# A guest is paused for 4 s, and nobody asks anything: neither its stubdomain nor
# who serves it in dom0, the same processes all the time, takes a tenth of a
# processor.
all_rest() {
    local dm=$(dm_domid "$1") pids="$(cat /run/xenconsoled.pid) $(pidof qmp-helper)" before
    time_of_all() {
        xl list "$dm" | awk 'NR == 2 { print int($6 * 1000) }'
        for p in $pids; do cat "/proc/$p/stat"; done |
            awk '{ ms += ($14 + $15) * 10 } END { print int(ms), NR }'
    }
    [ "$dm" ] && xl pause "$1" || return
    before=$(time_of_all)
    sleep 4
    set -- "$1" $before $(time_of_all)
    echo "stubdomain, processes: $*"
    xl unpause "$1" && [ $# = 7 ] && [ "$4" -ge 1 ] && [ "$7" = "$4" ] &&
        [ $(($5 - $2)) -lt 400 ] && [ $(($6 - $3)) -lt 400 ]
}
