# SPDX-License-Identifier: GPL-2.0-or-later
#
# For tests in shell: a folder that goes with the test, $tmp; a daemon
# whose pid the test leaves in $tmp/pid goes as well.
tmp=$(mktemp -d) || exit 1
trap '[ ! -e "$tmp/pid" ] || kill "$(cat "$tmp/pid")"; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT PIPE TERM
n=0

# ok NAME COMMAND [ARGUMENT]...: what it prints is shown if it fails.
ok() {
    n=$((n + 1))
    name=$1
    shift
    if "$@" >"$tmp/log" 2>&1; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        tail -40 "$tmp/log" | sed 's/^/# /'
    fi
}

# The build as it is installed, in $tmp/root.
install_build() {
    make -C "$XENQMP_BUILD" -s install DESTDIR="$tmp/root" prefix=/usr \
        systemdsystemunitdir=/usr/lib/systemd/system \
        >"$tmp/install" 2>&1 || sed 's/^/# /' "$tmp/install"
}

plan() {
    echo "1..$n"
}
