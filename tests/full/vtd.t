#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# PCI devices behind an IOMMU of Intel's, and many times over.
exec "$SRCDIR/tests/system/boot" -i intel pci pci-topology pci-often
