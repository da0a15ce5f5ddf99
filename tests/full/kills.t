#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Forty kills at each place instead of a few: more than a thousand.
XENQMP_KILLS=40 exec "$XENQMP_BUILD/tests/unit/console/files/test_kills"
