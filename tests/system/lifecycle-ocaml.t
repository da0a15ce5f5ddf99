#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# On oxenstored: a guest's life, and some that are over at once; QEMU's
# options, and what xl asks of its QEMU meanwhile.
exec "${0%/*}/boot" -x ocaml smoke lifecycle failing options runtime
