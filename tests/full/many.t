#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Eight guests on one host.
XENQMP_MEMORY=8192 XENQMP_DOM0_MEMORY=3072 exec "$SRCDIR/tests/system/boot" many
