#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Wrong usage of each program: one line on stderr that names what is wrong,
# nothing on stdout, exit 2; xenconsoled's exit code is that of Xen's, EINVAL.
set -u

bin=$XENQMP_BUILD/bin
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0

# wrong CODE TEXT PROGRAM [ARGUMENT]...: ends with CODE and one line that
# contains TEXT.
wrong() {
    code=$1 text=$2
    shift 2
    program=$1
    shift
    n=$((n + 1))
    timeout 300 "$bin/$program" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    found=$?
    if [ $found = "$code" ] && [ ! -s "$tmp/out" ] &&
       [ "$(wc -l <"$tmp/err")" = 1 ] && grep -qF -e "$text" "$tmp/err"; then
        echo "ok $n - $program $*"
    else
        echo "not ok $n - $program $*"
        echo "# exit $found, not $code; wanted on stderr: $text"
        sed 's/^/# /' "$tmp/err" "$tmp/out"
    fi
}

wrong 2 'no command' xl-qmp
wrong 2 'unknown command frobnicate' xl-qmp frobnicate
wrong 2 'unknown option --frobnicate' xl-qmp --frobnicate exec
wrong 2 'missing after -t' xl-qmp -t
wrong 2 'not a number of seconds: soon' xl-qmp -t soon exec a b
wrong 2 'not a number of seconds: 0' xl-qmp -t 0 exec a b
wrong 2 'not a number of seconds: 1e99' xl-qmp -t 1e99 exec a b

wrong 2 'no domain is given' xl-qmp exec
wrong 2 'no command is given' xl-qmp exec unix:/s
wrong 2 "what is '{}'?" xl-qmp exec unix:/s a '{}' b
wrong 2 "'a.b' is given twice" xl-qmp exec unix:/s a a=1 a.b=2
wrong 2 "value of 'a' is not valid JSON" xl-qmp exec unix:/s a a:=x
wrong 2 'not an object' xl-qmp exec unix:/s a '[]'
wrong 2 'not valid JSON' xl-qmp exec unix:/s a '{"a":}'
wrong 2 'unix: is no address' xl-qmp exec unix: a
wrong 2 'not HOST:PORT' xl-qmp exec tcp:localhost a
wrong 2 '/dev/null: not a terminal' xl-qmp exec tty:/dev/null a
wrong 2 'name is empty' xl-qmp exec '' a
wrong 2 'unknown option -x' xl-qmp exec -x unix:/s a

wrong 2 'no domain is given' xl-qmp batch
wrong 2 'too many arguments' xl-qmp batch unix:/s a b
wrong 2 'unknown option --forever' xl-qmp batch --forever unix:/s
wrong 2 'missing after --rate' xl-qmp batch unix:/s --rate
wrong 2 'not a number per second: 0' xl-qmp batch --rate 0 unix:/s
wrong 2 'not a number of times: -1' xl-qmp batch --repeat -1 unix:/s
wrong 2 'cannot read /nonexistent: No such file' xl-qmp batch unix:/s /nonexistent
printf 'stop\nstop now\n' >"$tmp/lines"
wrong 2 "lines, line 2: what is 'now'?" xl-qmp batch unix:/s "$tmp/lines"

wrong 2 'no domain is given' xl-qmp events
wrong 2 'too many arguments' xl-qmp events unix:/s STOP
wrong 2 'missing after --filter' xl-qmp events unix:/s --filter
wrong 2 'unknown option --follow' xl-qmp events unix:/s --follow

wrong 2 'no domain is given' xl-qmp reset
wrong 2 'too many arguments' xl-qmp reset unix:/s a
wrong 2 'unknown option --hard' xl-qmp reset --hard unix:/s

wrong 2 'no domain is given' xl-qmp shell
wrong 2 'too many arguments' xl-qmp shell unix:/s stop
wrong 2 'no terminal; xl-qmp batch' xl-qmp shell unix:/s

wrong 2 'no domain is given' xl-qmp console
wrong 2 "no console's number" xl-qmp console 5
wrong 2 "not a console's number: x" xl-qmp console 5 x
wrong 2 'unknown option -x' xl-qmp console -x
wrong 2 'what is 4' xl-qmp console 5 3 4
wrong 2 'unknown option --json' xl-qmp stats --json
wrong 2 'what is b' xl-qmp stats a b
wrong 2 'what is --fix' xl-qmp doctor --fix
wrong 2 'unknown option --yaml' xl-qmp consoles --yaml
wrong 2 'what is b' xl-qmp consoles a b

echo 'type = "pv"' >"$tmp/pv.cfg"
wrong 2 'no configuration is given' xl-qmp create
wrong 2 'missing after -f' xl-qmp create -f
wrong 2 'two configurations' xl-qmp create a b
wrong 2 "cannot read $tmp/none.cfg: No such file" xl-qmp create "$tmp/none.cfg"
wrong 2 'no HVM guest' xl-qmp create "$tmp/pv.cfg"

wrong 2 '-xen-domid is missing' qmp-helper
wrong 2 '-xen-domid is missing' qmp-helper --frobnicate
wrong 2 "'' is not" qmp-helper -xen-domid
wrong 2 "'guest' is not" qmp-helper -xen-domid guest
wrong 2 "'0' is not" qmp-helper -xen-domid 0
wrong 2 "'32752' is not" qmp-helper -xen-domid 32752
wrong 2 'is followed by' qmp-helper --state-path=/x 7

wrong 2 'unknown option -x' mkstubdom -x
wrong 2 '-o needs a value' mkstubdom -o
wrong 2 "unexpected argument 'image'" mkstubdom image

wrong 2 'as pid 1 of a stubdomain only' stubdomd
wrong 2 'as pid 1 of a stubdomain only' stubdomd --help

wrong 22 "unrecognized option '--frobnicate'" xenconsoled --frobnicate
wrong 22 "invalid option -- 'x'" xenconsoled -x
wrong 22 "option '--log' requires an argument" xenconsoled --log
wrong 22 "option requires an argument -- 't'" xenconsoled -t

echo "1..$n"
