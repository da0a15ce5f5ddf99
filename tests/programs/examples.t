#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each command that the manual pages and the README show, word by word, with
# a QEMU of its own for the guest or the socket that it names. Those that
# need a Xen host are run on one, in the test that stands beside them.
set -u

. "$SRCDIR/tests/tap.sh"
install_build
bin=$XENQMP_BUILD/bin
sysroot=$XENQMP_BUILD/sysroot
PATH=$bin:$PATH
cd "$tmp" || exit 1

"$SRCDIR/tests/examples" | sort -u >examples
# What the README puts into the files that it names.
sed -n '/^    name = "guest"$/,/^$/s/^    //p' "$SRCDIR/README.md" >guest.cfg
"$SRCDIR/tests/examples" literal xl-qmp.1 >commands.txt

# It has returned to us when it listens.
qemu() {
    [ ! -e pid ] || qemu_end        # of an example that failed
    qemu-system-x86_64 -M pc -S -nodefaults -display none -daemonize \
        -device virtio-rng-pci,id=net0 \
        -blockdev driver=null-co,node-name=a,size=65536 \
        -blockdev driver=null-co,node-name=b,size=65536 -pidfile pid \
        -qmp "unix:$tmp/s,server=on,wait=off" \
        -qmp "unix:$tmp/other,server=on,wait=off"
}
qemu_end() {
    xl-qmp exec "unix:$tmp/other" quit && rm -f pid
}
ours() {
    echo "$1" | sed -E "s,(xl-qmp [^|]*) (guest|unix:[^ ]+)( |\$),\1 unix:$tmp/s\3,"
}
on_qemu() {
    qemu && timeout 300 sh -c "$(ours "$1")" && qemu_end
}

# Until it has shown one: a block job's end is a BLOCK_ event.
events() {
    qemu || return 1
    : >seen
    sh -c "exec timeout 300 $(ours "$1")" >seen &
    watcher=$!
    for turn in $(seq 1000); do
        xl-qmp exec "unix:$tmp/other" blockdev-backup device=a target=b \
            sync=full "job-id=j$turn" >job 2>&1
        [ ! -s seen ] || break
    done
    kill -INT $watcher
    wait $watcher
    qemu_end && grep -q '"event": "BLOCK_JOB_COMPLETED"' seen
}
# Its user leaves when there is a prompt.
shell() {
    qemu && mkfifo keys || return 1
    timeout 300 socat - "EXEC:'$(ours "$1")',pty,setsid,ctty" <keys >screen &
    user=$!
    exec 3>keys
    for turn in $(seq 1000); do
        ! grep -q 'qmp> ' screen || break
        xl-qmp exec "unix:$tmp/other" query-status >/dev/null
    done
    echo exit >&3
    wait $user && grep -q 'qmp> ' screen && qemu_end
}
# What is missing here, it says, and what to do.
create() {
    timeout 300 sh -c "$1" >out 2>err
    case $? in 0|3) grep -q '^xl create ' out ;; *) cat err; return 1 ;; esac
}
doctor() {
    timeout 300 sh -c "$1" >out
    case $? in 0|3) ! grep -vE '^(ok|problem)  ' out ;; *) return 1 ;; esac
}
image() {
    mkdir -p usr/local/share/roms
    echo rom >usr/local/share/roms/own.rom
    STUBDOMD=$bin/stubdomd sh -c "$(echo "$1" | sed "s,/lib/modules,$sysroot&,
        s,^mkstubdom,& -k $(ls "$sysroot/lib/modules") -r $sysroot -o $tmp/image,
        s,/usr/local,$tmp&,")" && [ -s image/initrd ]
}

# elsewhere FILE TEXT: there it is.
elsewhere() {
    grep -qF -e "$2" "$SRCDIR/tests/$1"
}

while read -r example; do
    case $example in
    *'xl-qmp events '*) ok "$example" events "$example" ;;
    'xl-qmp shell '*) ok "$example" shell "$example" ;;
    'xl-qmp create --dry-run '*) ok "$example" create "$example" ;;
    'xl-qmp doctor') ok "$example" doctor "$example" ;;
    *'xl-qmp exec '* | *'xl-qmp reset '* | *'xl-qmp batch '*)
        ok "$example" on_qemu "$example" ;;
    'mkstubdom -'*) ok "$example" image "$example" ;;
    */xenconsoled\ --version) ok "$example" sh -c "$tmp/root$example" ;;
    # With xenconsoled, on xensim: the lines themselves.
    *'xl-qmp console '* | *'xl-qmp consoles'* | *'xl-qmp stats'* | *'/xenconsoled.sock')
        ok "$example" elsewhere component/commands.c 'TEST(examples)' ;;
    'journalctl '*) ok "$example" elsewhere component/journal.c XENQMP_DOMID=5 ;;
    'xl-qmp create '*) ok "$example" elsewhere system/scenarios/disks.sh 'xl-qmp create /run' ;;
    'xl qemu-monitor-command '*)
        ok "$example" elsewhere system/scenarios/lifecycle.sh 'xl qemu-monitor-command hvm1' ;;
    'xl vncviewer '*) ok "$example" elsewhere system/scenarios/display.sh 'xl vncviewer --autopass hvm1' ;;
    'xl-qmp screenshot '*) ok "$example" elsewhere system/scenarios/display.sh 'screenshot hvm1 /run/screen.png' ;;
    'xl console '*) ok "$example" elsewhere system/scenarios/serial.sh 'xl console hvm1' ;;
    # How to install it: these tests are made that way.
    make\ * | ./configure\ * | mkstubdom) ;;
    apt\ * | dpkg-divert\ * | ln\ * | pkill\ * | */xenconsoled\ --pid-file\ * | systemctl\ *) ;;
    *) ok "$example" false ;;
    esac
done <examples
plan
