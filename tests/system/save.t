#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Save and restore, checkpoint included; migration to localhost.
exec "${0%/*}/boot" -x c save migrate
