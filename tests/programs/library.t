#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# libxlqmp as a program's author meets it: installed, found by pkg-config,
# documented, and with an example that works against a real QEMU.
set -u

. "$SRCDIR/tests/tap.sh"
header=$SRCDIR/libxl/client/libxl_qmp.h

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
    LD_LIBRARY_PATH=$lib timeout 300 "$tmp/pause" "$@"
}
# It has returned to us when it listens.
qemu-system-x86_64 -M none -nodefaults -display none -daemonize \
    -pidfile "$tmp/pid" -qmp "unix:$tmp/s,server=on,wait=off" ||
    echo '# QEMU does not start'

pauses() {
    [ "$(run "unix:$tmp/s")" = 'event STOP' ]
}
ok 'the example pauses a real QEMU and sees the event' pauses
# xlqmp_beforepoll(3) shows one turn; here are those until QEMU has answered.
turns() {
    {
        printf '%s\n' '#include <libxl_qmp.h>' '#include <poll.h>' '#include <stdio.h>' \
            'static void answer(xlqmp_ctx *ctx, int rc, const char *json,' \
            '                   const struct xlqmp_error *error, void *done)' \
            '{ (void)ctx; (void)error; *(int *)done = 1; printf("%d %s\n", rc, json); }' \
            'int main(int argc, char **argv) { xlqmp_ctx *ctx; int done = 0;' \
            'if (argc != 2 || xlqmp_open(NULL, argv[1], 60000, &ctx, NULL) ||' \
            '    xlqmp_send(ctx, "query-name", NULL, 60000, answer, &done, NULL)) return 1;' \
            'while (!done) {'
        "$SRCDIR/tests/examples" literal xlqmp_beforepoll.3
        printf '%s\n' '}' 'xlqmp_close(ctx); return 0; }'
    } >"$tmp/turns.c"
    ${CC:-cc} -std=c11 -Wall -Wextra -Werror -o "$tmp/turns" "$tmp/turns.c" \
        $(pkg-config --cflags --libs xlqmp) &&
        [ "$(LD_LIBRARY_PATH=$lib timeout 300 "$tmp/turns" "unix:$tmp/s")" = '0 {}' ]
}
ok 'the example of xlqmp_beforepoll(3) serves an answer' turns
fails() {
    run "unix:$tmp/none"
    [ $? = 1 ]
}
ok 'it says why it could not connect' fails

plan
