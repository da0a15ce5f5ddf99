#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The unit and component tests with sanitizers: make check-asan, whose last
# line is its result.
. "$SRCDIR/tests/tap.sh"

no_test_fails() {
    env -u MAKEFLAGS -u MAKELEVEL \
        make --no-print-directory -C "$XENQMP_BUILD" check-asan &&
        tail -1 "$tmp/log" | grep -q '^[1-9][0-9]* passed, 0 failed$'
}

ok 'no test fails under AddressSanitizer and UBSan' no_test_fails
plan
