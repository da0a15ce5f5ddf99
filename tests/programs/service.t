#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# xenconsoled as a service: the installed unit as systemd reads it, held
# against the document and the code that it depends on, and the rotation of
# its logs.
set -u

. "$SRCDIR/tests/tap.sh"

install_build
service=xenqmp-xenconsoled.service
unit=$tmp/root/usr/lib/systemd/system/$service

# Where its program was installed to, for the look that systemd takes.
mkdir "$tmp/units"
sed "s,^ExecStart=,&$tmp/root," "$unit" >"$tmp/units/$service"
verified() {
    # It also looks at units of the machine's, and complains of those.
    # One of before 254 does not know that setting, and says so.
    systemd-analyze verify --man=no "$tmp/units/$service" >"$tmp/out" 2>&1 &&
        ! grep -F "$service" "$tmp/out" | grep -v "'FileDescriptorStorePreserve' in section .*, ignoring"
}
ok 'systemd takes the unit' verified

# Values, one a line, of the key $1.
setting() {
    sed -n "s/^$1=//p" "$unit"
}

program() {
    setting ExecStart >"$tmp/start"
    read -r path options <"$tmp/start"
    [ -x "$tmp/root$path" ] || { echo "$path"; return 1; }
    # Options that it does not know end it before anything else.
    "$tmp/root$path" ${options%%\$*} --version
}
ok 'it starts the program that is installed, with options it has' program

documented() {
    sed -n '/^    \[Service\]/,/^$/s/^    //p' "$SRCDIR/docs/console-control.md" |
        grep = >"$tmp/documented"
    [ -s "$tmp/documented" ] && ! grep -vxFf "$unit" "$tmp/documented"
}
ok 'it has what docs/console-control.md asks for' documented

# By that signal it knows a restart (console/daemon/server.c).
restart() {
    [ "$(setting RestartKillSignal)" = SIGINT ] && [ -z "$(setting KillSignal)" ]
}
ok 'a restart is told from a stop' restart

other_xen() {
    status=$(sed -n 's/^#define EXIT_OTHER_XEN \([0-9]*\).*/\1/p' \
        "$SRCDIR/console/daemon/main.c")
    [ "$status" ] && [ "$(setting RestartPreventExitStatus)" = "$status" ]
}
ok 'it is not tried again and again on a Xen that it is not built for' other_xen

capabilities() {
    sed -n '/kept\[\] = {/p' "$SRCDIR/console/daemon/privileges.c" |
        grep -o 'CAP_[A-Z_]*' | sort >"$tmp/kept"
    setting CapabilityBoundingSet | tr ' ' '\n' | sort | diff "$tmp/kept" -
}
ok 'it leaves the capabilities that xenconsoled keeps' capabilities

files() {
    limit=$(sed -n 's/^#define LIMIT_FILES \(.*\)/\1/p' "$SRCDIR/console/daemon/privileges.c")
    [ "$(setting LimitNOFILE)" = $(($limit)) ]
}
ok 'and the descriptors that it asks for' files

# --- The package, on another Xen ------------------------------------------------

# Its script in a place of ours; what it would run is written down.
mkdir -p "$tmp/host/run/systemd/system" "$tmp/host/sys/hypervisor/version" "$tmp/host/proc/xen" \
    "$tmp/host/etc/init.d" "$tmp/host/bin"
sed "s,/run/,$tmp/host&,g; s,/sys/hyp,$tmp/host&,g; s,/etc/init,$tmp/host&,g; s,/proc/,$tmp/host&,g
     s,#XEN#,4.20,g; s,^#DEBHELPER#,echo debhelper," "$SRCDIR/debian/xenqmp.postinst" >"$tmp/postinst"
for program in dpkg-divert start-stop-daemon invoke-rc.d systemd-run; do
    printf '#!/bin/sh\necho %s\n' $program >"$tmp/host/bin/$program"
done
chmod +x "$tmp"/host/bin/*
ln -s /bin/true "$tmp/host/etc/init.d/xen"
echo control_d >"$tmp/host/proc/xen/capabilities"
echo 4 >"$tmp/host/sys/hypervisor/version/major"
# does MINOR WHAT: configured where Xen 4.MINOR runs.
does() {
    echo "$1" >"$tmp/host/sys/hypervisor/version/minor"
    PATH=$tmp/host/bin:$PATH sh "$tmp/postinst" configure >"$tmp/done" 2>"$tmp/said" || return
    cat "$tmp/said" "$tmp/done"
    [ "$(grep -v dpkg-divert "$tmp/done" | xargs)" = "$2" ] && [ "$(wc -l <"$tmp/said")" = "$3" ]
}
touch "$tmp/host/run/xenconsoled.pid"
ok "its own Xen's daemon ends, and the unit begins" does 20 'start-stop-daemon debhelper' 0
ok "another Xen's goes on, and a line says so" does 17 debhelper 1
rm "$tmp/host/run/xenconsoled.pid"
ok "or comes back, once ours of before has ended" does 17 'debhelper systemd-run' 1
rmdir "$tmp/host/run/systemd/system"
touch "$tmp/host/run/xenconsoled.pid"
ok "without systemd that Xen's script starts its own" \
    does 17 'start-stop-daemon invoke-rc.d debhelper' 1

# --- Logs ---------------------------------------------------------------------

# In a place of ours, of a daemon that systemd does not know. It is a shell
# that notes SIGHUP.
mkdir "$tmp/console"
echo 'a line' >"$tmp/console/guest-a.log"
echo 'another' >"$tmp/console/guest-a.log.0"
sed "s,/var/log/xen,$tmp,; s,/run/xenconsoled.pid,$tmp/pid,
     s,xenqmp-xenconsoled,no-such-unit," \
    "$tmp/root/etc/logrotate.d/xenqmp" >"$tmp/logrotate.conf"
cat >"$tmp/xenconsoled" <<'SH'
#!/bin/sh
trap 'echo hup >"$1/says"' HUP
echo ready >"$1/says"
while :; do sleep 0.1; done
SH
chmod +x "$tmp/xenconsoled"
mkfifo "$tmp/says"
# A shell cannot trap what nohup had it ignore.
env --default-signal=HUP "$tmp/xenconsoled" "$tmp" &
echo $! >"$tmp/pid"

says() {
    [ "$(timeout 300 cat "$tmp/says")" = "$1" ]
}
rotated() {
    says ready && logrotate -f -s "$tmp/state" "$tmp/logrotate.conf" &&
        [ ! -e "$tmp/console/guest-a.log" ] &&
        zcat "$tmp"/console/guest-a.log-*.gz | grep -qx 'a line'
}
ok 'logs are rotated' rotated
ok "xenconsoled's own older file stays" grep -qx another "$tmp/console/guest-a.log.0"
ok 'the daemon hears of it' says hup

# --- The metrics ------------------------------------------------------------

metrics=$tmp/root/usr/lib/systemd/system/xenqmp-metrics
mkdir "$tmp/metrics"
cp "$metrics".* "$tmp/metrics"
sed -i "s,/usr/bin/,$tmp/root&," "$tmp/metrics/xenqmp-metrics.service"
metrics_verified() {
    systemd-analyze verify --man=no "$tmp"/metrics/* >"$tmp/out" 2>&1 &&
        ! grep -F xenqmp-metrics "$tmp/out"
}
ok 'systemd takes the metrics timer and its service' metrics_verified
not_enabled() {
    [ -e "$metrics.timer" ] && find "$tmp/root" -type l -name 'xenqmp-metrics*' | diff - /dev/null
}
ok 'which is enabled by nobody' not_enabled

# Into a directory that is another user's: by xl-qmp itself, which follows no
# link there (tests/unit/xl/test_replace.c), not by a shell.
metrics_file=/var/lib/prometheus/node-exporter/xenqmp.prom
metrics_command() {
    sed -n 's/^ExecStart=//p' "$metrics.service"
}
metrics_written() {
    [ "$(metrics_command)" = "/usr/bin/xl-qmp -t 10 stats --openmetrics --output=$metrics_file" ]
}
ok 'it has xl-qmp write the file' metrics_written
# Of a xenconsoled that does not run; status 2 would be wrong usage.
metrics_taken() {
    $tmp/root$(metrics_command) --socket="$tmp/none"
    [ $? = 3 ]
}
ok 'which takes those options' metrics_taken
ok 'and does not touch it without xenconsoled' test ! -e "$metrics_file"

plan
