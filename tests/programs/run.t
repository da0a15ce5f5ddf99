#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/run: one test's silence holds up no other, nothing is left out
# unnoticed, and what a failed test wrote to standard error is shown.
SRCDIR=${SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$SRCDIR/tests/tap.sh"

# NAME: a test of one check, its commands on standard input.
test_of() {
    { echo '#!/bin/sh'; cat; } >"$tmp/$1"
    chmod +x "$tmp/$1"
}
# COUNTS TEST...: what tests/run ends with, two tests at a time.
counts() {
    want=$1
    shift
    (cd "$tmp" && JOBS=2 V= "$SRCDIR/tests/run" "$@") >"$tmp/run" 2>&1
    cat "$tmp/run"
    [ "$(tail -n 1 "$tmp/run")" = "$want" ]
}

test_of good <<'END'
echo ok 1; echo 1..1
END
# It says nothing until the third test has begun, or ends without it.
test_of silent <<'END'
for i in $(seq 3000); do [ ! -e begun ] || { echo ok 1; break; }; sleep 0.1; done
echo 1..1
END
test_of third <<'END'
touch begun; echo ok 1; echo 1..1
END
ok "a test that is silent holds up no other" \
    counts "3 passed, 0 failed" ./silent ./good ./third

# What make would run, without doing it.
runs_once() {
    env -u MAKEFLAGS -u MAKELEVEL make -C "$XENQMP_BUILD" -n check-full TESTS=full/os.t >"$tmp/run"
    cat "$tmp/run"
    [ "$(grep -o '[^ ]*/full/os\.t' "$tmp/run" | wc -l)" = 1 ]
}
ok "one that is named is run once by check-full" runs_once

test_of failed <<'END'
echo "the reason" >&2; echo not ok 1; echo 1..1
END
shows_reason() {
    counts "1 passed, 1 failed" ./good ./failed &&
        grep -q '^# standard error: the reason' "$tmp/run"
}
ok "a test that failed is counted, its standard error shown" shows_reason

test_of dead <<'END'
echo ok 1; echo 1..1; kill -9 $$
END
ok "a test that died has failed" counts "2 passed, 1 failed" ./good ./dead

test_of skipped <<'END'
echo "ok 1 # skip not here"; echo 1..1
END
ok "a test that is skipped has failed" \
    counts "1 passed, 1 failed" ./good ./skipped

test_of again <<'END'
mkdir "$XENQMP_AGAIN/1"; echo ok 1; echo 1..1
END
ok "a boot begun anew is counted" counts "2 passed, 0 failed, 1 begun anew after a fault of the emulated processor" ./good ./again
plan
