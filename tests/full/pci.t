#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# PCI devices with several functions and behind a bridge.
exec "$SRCDIR/tests/system/boot" -i amd pci-topology
