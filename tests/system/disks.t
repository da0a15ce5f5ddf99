#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Serial ports, disks, xl-qmp create.
exec "${0%/*}/boot" -x c serial disks
