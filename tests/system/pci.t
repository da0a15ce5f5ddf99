#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# PCI devices of the host's, behind an IOMMU, in guests with a stubdomain, and in
# the hands of an operating system.
exec "${0%/*}/boot" -x c -i amd pci pci-os
