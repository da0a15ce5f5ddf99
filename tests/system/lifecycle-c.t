#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# On C xenstored: a guest's life; save and restore, checkpoint included;
# migration to localhost.
exec "${0%/*}/boot" -x c smoke lifecycle save migrate
