#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/setup without root: names what is missing in one line, installs
# nothing, ends with an error. What dpkg knows is the machine's own database
# less the packages that are to be missing; tests/setup asks dpkg itself.
set -u

SRCDIR=${SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/sources/tests" "$tmp/dpkg/info" "$tmp/dpkg/updates"
# A place where an unprivileged user may read.
cp -r "$SRCDIR/tests/setup" "$SRCDIR/tests/releases.sh" "$SRCDIR/tests/releases" "$tmp/sources/tests"
chmod -R a+rX "$tmp"
n=0
ok() {
    n=$((n + 1))
    name=$1
    shift
    if "$@"; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        sed 's/^/# /' "$tmp/err" "$tmp/out"
    fi
}

# dpkg's database without these packages.
without() {
    awk -v names=" $* " 'BEGIN { RS = ""; ORS = "\n\n" }
        !index(names, " " $2 " ")' \
        /var/lib/dpkg/status >"$tmp/dpkg/status"
    chmod -R a+rX "$tmp"
}

# Runs it as nobody, or as who we are if that isn't root.
setup() {
    as=
    [ "$(id -u)" != 0 ] || as="setpriv --reuid=65534 --regid=65534 --clear-groups"
    TESTS=${tests-} DPKG_ADMINDIR=$tmp/dpkg $as "$tmp/sources/tests/setup" "$tmp/build" \
        >"$tmp/out" 2>"$tmp/err"
}

refuses() {
    ! setup
}
one_line() {
    [ ! -s "$tmp/out" ] && [ "$(wc -l <"$tmp/err")" = 1 ] &&
        [ "$(cat "$tmp/err")" = "Missing packages; as root: apt-get install --no-install-recommends $*" ]
}

without libyajl-dev cpio
ok "two packages are missing: it ends with an error" refuses
ok "and names them, and the remedy, in one line" one_line libyajl-dev cpio
ok "and has made nothing" test ! -e "$tmp/build"

: >"$tmp/dpkg/status"
ok "all are missing: it ends with an error" refuses
every=$(sed -n '/^packages="/,/"$/p' "$SRCDIR/tests/setup" |
        sed 's/packages=//; s/"//g' | tr '\n' ' ')
ok "and names every one" one_line $every
tests="unit full/distribution.t"
refuses
ok "those of a whole distribution need debootstrap, too" grep -q ' debootstrap' "$tmp/err"

echo "1..$n"
