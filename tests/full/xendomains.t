#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Guests are saved when the host is shut down, restored when it starts.
exec "$SRCDIR/tests/system/boot" xendomains
