#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# On oxenstored: the faults from which it takes most to recover.
exec "${0%/*}/boot" -x ocaml worst
