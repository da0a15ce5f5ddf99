#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/mutations and the sources still know each other: what make mutate
# would complain of after an hour.
exec "$SRCDIR/tests/mutate" --places
