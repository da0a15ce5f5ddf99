#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that is an operating system, with disk, CD and NICs.
exec "${0%/*}/boot" -x ocaml os
