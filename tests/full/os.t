#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that is an operating system; 64 KB each way on its serial port.
exec "$SRCDIR/tests/system/boot" -l 1500 os-full
