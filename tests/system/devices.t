#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Serial ports, QEMU's options, disks, xl-qmp create, a NIC; channels of PV and PVH guests.
exec "${0%/*}/boot" -x c serial options disks network channels memory
