#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Saved with QEMU in dom0, restored with QEMU in a stubdomain, and back.
exec "$SRCDIR/tests/system/boot" exchange
