#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest's life, and some that are over at once, on C xenstored.
exec "${0%/*}/boot" -x c smoke lifecycle failing
