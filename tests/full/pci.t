#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The host's PCI devices behind an IOMMU of Intel's, and many times over.
exec "$SRCDIR/tests/system/boot" -i intel pci-often
