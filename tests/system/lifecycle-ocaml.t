#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest's life, on oxenstored.
exec "${0%/*}/boot" -x ocaml smoke lifecycle
