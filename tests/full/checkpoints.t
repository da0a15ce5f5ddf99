#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Twenty checkpoints in a row, and a full disk.
exec "$SRCDIR/tests/system/boot" -x c checkpoints
