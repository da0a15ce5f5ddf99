#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Channels of PV and PVH guests.
exec "${0%/*}/boot" -x c channels
