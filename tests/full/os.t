#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that is an operating system: disk, CD, NICs, a login.
exec "$SRCDIR/tests/system/boot" os
