#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bash loads the completion that is installed, and completes with it.
set -u

. "$SRCDIR/tests/tap.sh"
install_build

# An xl that knows two domains.
mkdir "$tmp/bin"
cat >"$tmp/bin/xl" <<'END'
#!/bin/sh
[ "$*" = list ] && printf '%s\n' 'Name   ID   Mem' 'Domain-0  0 1' 'guest 5 1' 'guest-dm 6 1'
END
chmod 755 "$tmp/bin/xl"

# What bash makes of this line, the last word unfinished.
complete_line() {
    PATH=$tmp/bin:$XENQMP_BUILD/bin:$PATH bash --norc -c '
        . "$0" || exit 1
        [ "$(complete -p xl-qmp)" = "complete -o default -F _xl_qmp xl-qmp" ] || exit 1
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _xl_qmp
        echo "${COMPREPLY[*]}"' \
        "$tmp/root/usr/share/bash-completion/completions/xl-qmp" xl-qmp "$@" 2>&1
}
# $1: the words that there ought to be; the rest: the line.
is_completed() {
    complete_line "${@:2}" | diff <(echo "$1") -
}
completes() {
    ok "xl-qmp ${*:2}" is_completed "$@"
}

# The table of commands itself, in the order of --help.
all=$("$XENQMP_BUILD/bin/xl-qmp" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | xargs)
completes "$all" ''
completes 'consoles console' con
completes 'stats' -v -t 5 st
completes '' -t ''
completes '-t --timeout -v --verbose -h --help -V --version' -
completes '--json --output= --socket=' consoles --
completes '--openmetrics --output=' stats guest --o
completes '--dry-run' create --d
completes 'Domain-0 guest guest-dm' exec ''
completes 'guest guest-dm' console g
completes '' console guest ''
completes '' doctor ''
completes '' create ''
plan
