#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What an operating system does with the host's PCI devices, often.
exec "$SRCDIR/tests/system/boot" -i amd pci-topology pci-often
