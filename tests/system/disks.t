#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Serial ports, QEMU's options, disks, xl-qmp create.
exec "${0%/*}/boot" -x c serial options disks
