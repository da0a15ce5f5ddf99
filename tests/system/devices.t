#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A NIC; channels of PV and PVH guests; a stubdomain's memory.
exec "${0%/*}/boot" -x c network channels memory
