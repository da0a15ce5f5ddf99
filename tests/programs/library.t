#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# libxlqmp as a program's author meets it: installed, found by pkg-config,
# documented, and with an example that works against a real QEMU.
set -u

. "$SRCDIR/tests/tap.sh"
header=$SRCDIR/libxl/libxl_qmp.h

install_build
root=$tmp/root/usr
lib=$root/lib

exported() {
    nm -D --defined-only "$lib/libxlqmp.so.0" |
        sed -n 's/.* T \(.*\)@@XLQMP_0$/\1/p' | sort
}
declared() {
    ${CC:-cc} -E -P "$header" | tr '\n;' ' \n' | grep -v typedef |
        grep -o 'xlqmp_[a-z_]* *(' | tr -d ' (' | sort
}
documented() {
    sed -n '/^.Sh NAME/,/^.Nd/s/^.Nm \(xlqmp_[a-z_]*\).*/\1/p' \
        "$SRCDIR"/docs/man/*.3 | sort
}
same() {
    diff "$1" "$2"
}
exported >"$tmp/exported"
declared >"$tmp/declared"
documented >"$tmp/documented"
ok 'it exports something' test -s "$tmp/exported"
ok 'it exports what its header declares, and nothing else' \
    same "$tmp/declared" "$tmp/exported"
ok 'every function has a manual page' same "$tmp/exported" "$tmp/documented"

# As its author would compile it, against what was installed only.
compile() {
    export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$tmp/root
    ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -o "$tmp/pause" \
        "$SRCDIR/docs/examples/pause.c" $(pkg-config --cflags --libs xlqmp)
}
ok 'the example compiles with what pkg-config says' compile

# The text between the fences is the file.
in_readme() {
    sed -n '/^```c$/,/^```$/p' "$SRCDIR/README.md" | sed '1d;$d' |
        diff - "$SRCDIR/docs/examples/pause.c"
}
ok 'the README shows the example as it is' in_readme

run() {
    LD_LIBRARY_PATH=$lib timeout 20 "$tmp/pause" "$@"
}
# It has returned to us when it listens.
qemu-system-x86_64 -M none -nodefaults -display none -daemonize \
    -pidfile "$tmp/pid" -qmp "unix:$tmp/s,server=on,wait=off" ||
    echo '# QEMU does not start'

pauses() {
    [ "$(run "unix:$tmp/s")" = 'event STOP' ]
}
ok 'the example pauses a real QEMU and sees the event' pauses
fails() {
    run "unix:$tmp/none"
    [ $? = 1 ]
}
ok 'it says why it could not connect' fails

plan
