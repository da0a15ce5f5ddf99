#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Each thing that can die, in the midst of each operation.
exec "$SRCDIR/tests/system/boot" -l 14400 faults
