#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/system/boot: only the emulated processor's own fault has a boot begun
# anew, twice in a run, or a demonstration, once. The emulator here is
# simulated: $tmp/say-N is what it does at its Nth start.
SRCDIR=${SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$SRCDIR/tests/tap.sh"

build=$tmp/build
mkdir "$tmp/bin" "$build"
cat >"$tmp/bin/qemu-system-x86_64" <<'END'
#!/bin/sh
tmp=${0%/bin/*}
console= port=
for word; do
    case $word in
    unix:*) qmp=${word#unix:} qmp=${qmp%%,*} ;;
    file:*) [ "$console" ] && port=${word#file:} || console=${word#file:} ;;
    esac
done
: >"$console"
# Its clock, which stands or does not.
clock() {
    echo "read -r line; echo '{\"QMP\": {}}'; echo \"{\\\"return\\\": {\\\"tm_year\\\": $1}}\"" >"$tmp/clock"
    socat "UNIX-LISTEN:$qmp,fork,unlink-close=0" "EXEC:sh $tmp/clock" &
    trap "kill $!" EXIT
    trap exit TERM
}
echo >>"$tmp/starts"
. "$tmp/say-$(wc -l <"$tmp/starts")" >"$port"
END
chmod +x "$tmp/bin/qemu-system-x86_64"

passes='echo "ok 1 - fine"; echo "== beat"; echo 1..1; echo "== passed"'
fails='echo "not ok 1 - bad"; echo 1..1; echo "== failed"; echo "== logs"'
mmio='echo "(XEN) d5v0 MMIO emulation failed (1): d5v0 16bit @ d980:00000000 -> 00 00" >>"$console"'
stands='clock 126; echo "ok 1 - fine"; echo "== beat"; while :; do :; done'
goes_on='clock "\$(date +%s%N)"; echo "ok 1 - fine"; echo "== beat"; while :; do :; done'

options=
# STARTS RESULT AGAIN COMMANDS...: boot ends so, after so many starts and with
# so many places taken.
boots() {
    starts=$1 result=$2 again=$3
    shift 3
    rm -f "$tmp"/say-*
    : >"$tmp/starts"
    for commands; do
        echo >>"$tmp/starts"
        echo "$commands" >"$tmp/say-$(wc -l <"$tmp/starts")"
    done
    rm "$tmp/starts"
    PATH=$tmp/bin:$PATH XENQMP_BUILD=$build XENQMP_AGAIN=$places \
        "$SRCDIR/tests/system/boot" $options -s 1 smoke >"$tmp/said" 2>&1
    status=$?
    cat "$tmp/said"
    [ "$status" = "$result" ] && [ "$(wc -l <"$tmp/starts")" = "$starts" ] &&
        { [ ! "$places" ] || [ "$(ls "$places" | wc -l)" = "$again" ]; }
}
# No longer than a socket's address alone.
in_long_folder() (
    build=$tmp/build/$(printf '%0120d' 0)
    mkdir "$build"
    boots 1 1 0 "$stands"
)
run() { places=$tmp/again; rm -rf "$places"; mkdir "$places"; }

run
ok "what passes is started once" boots 1 0 0 "$passes"
ok "and says so" grep -qx 'ok 1 - fine' "$tmp/said"
ok "what fails is started once" boots 1 1 0 "$fails"
ok "also if Xen cannot emulate what a guest does in protected mode" \
    boots 1 1 0 "$(echo "$mmio" | sed s/16bit/32bit/); $fails"
ok "a guest whose interrupt came too early: anew" \
    boots 2 0 1 "$mmio; $fails" "$passes"
ok "of the first attempt nothing is said" \
    sh -c '! grep -q "not ok" "$1"' - "$tmp/said"
ok "a processor that stands: anew" boots 2 0 2 "$stands" "$passes"
run
ok "one in which time goes on: not anew" boots 1 1 0 "$goes_on"
ok "with the reason" grep -qx '# no beat in 1 s of processor time, though time went on' "$tmp/said"
ok "nor one that says nothing" boots 1 1 0 "${stands#clock 126; }"
ok "twice in a run" boots 3 0 2 "$stands" "$stands" "$passes"
ok "no third time in a run" boots 1 1 2 "$mmio; $fails"
ok "but with the reason" grep -q '^# the emulated processor failed .*16bit' "$tmp/said"
run
ok "that time went on is seen" boots 1 1 0 'echo "ok 1 - fine"; echo 1..1; echo "== passed"'
ok "what fails then has failed" boots 2 1 1 "$mmio; $fails" "$fails"
options="-d $tmp -w"
ok "nor one with a disk that is not what it was" boots 1 1 1 "$mmio; $fails"
options=
places=
ok "by hand nothing is begun anew" boots 1 1 0 "$stands"
ok "nor in a folder with a long name" in_long_folder
ok "it is told that the processor stood" \
    grep -q '^# the emulated processor failed .*no beat in 1 s' "$tmp/said"

# What a demonstration begins with goes to the terminal as it happens, the
# picture into a file.
demo() {
    boots() {
        PATH=$tmp/bin:$PATH XENQMP_BUILD=$tmp/build XENQMP_AGAIN='' \
            "$SRCDIR/tests/system/demo" >"$tmp/said" 2>&1
    }
    rm -f "$tmp/starts" "$tmp"/say-*
    echo "$1" >"$tmp/say-1"
    echo "$2" >"$tmp/say-2"
    boots
    status=$?
    cat "$tmp/said"
    [ "$status" = "$3" ] && [ "$(wc -l <"$tmp/starts")" = "$4" ]
}
shows='echo "== beat"; echo "picture YWJj"; echo "$ xl list"; echo "== passed"'
ok "a demonstration is shown once" demo "$shows" "$shows" 0 1
ok "with its picture in a file" [ "$(cat "$tmp/build/screen.png")" = abc ]
ok "and what was typed" grep -qx '$ xl list' "$tmp/said"
ok "once more if the emulated processor failed" demo "echo '$ xl info'; $mmio; $fails" "$shows" 0 2
ok "which it says" grep -q '^The emulated processor failed' "$tmp/said"
ok "not more than that" demo "$mmio; $fails" "$mmio; $fails" 1 2
ok "and what fails has failed" demo "$fails" "$shows" 1 1

# A signal ends what it would wait for. Five minutes for either.
comes() {
    for tenth in $(seq 3000); do
        ! "$@" || return 0
        sleep 0.1
    done
    echo "not within five minutes: $*"
    return 1
}
gone() { ! kill -0 "$1" 2>/dev/null; }
ended() {
    rm -f "$tmp/starts" "$tmp"/say-* "$tmp/emulator"
    echo 'echo $$ >"$tmp/emulator"; echo "== beat"; while :; do sleep 1; done' >"$tmp/say-1"
    PATH=$tmp/bin:$PATH XENQMP_BUILD=$tmp/build XENQMP_AGAIN='' \
        "$SRCDIR/tests/system/boot" smoke >"$tmp/said" 2>&1 &
    boot=$!
    comes test -s "$tmp/emulator" && kill $boot && comes gone $boot &&
        gone "$(cat "$tmp/emulator")"
    ended=$?
    kill -9 $boot "$(cat "$tmp/emulator")" 2>/dev/null
    return $ended
}
ok "a boot that is sent SIGTERM ends its emulator" ended
plan
