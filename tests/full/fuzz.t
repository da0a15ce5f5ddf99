#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each fuzz target for FUZZ_SECONDS, an hour unless told: it finds nothing,
# and then finds the fault that tests/mutations plants for it.
exec "$SRCDIR/tests/mutate" --fuzz "${FUZZ_SECONDS:-3600}"
