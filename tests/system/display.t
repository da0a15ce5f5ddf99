#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A display in dom0 of a QEMU in a stubdomain.
exec "${0%/*}/boot" -x c display
