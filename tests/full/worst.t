#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The worst of the faults, for who has no two hours.
exec "$SRCDIR/tests/system/boot" -x ocaml -l 900 worst
