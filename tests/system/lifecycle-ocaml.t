#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# On oxenstored: a guest's life, what xl asks of its QEMU meanwhile, a
# stubdomain that attacks dom0, and the faults from which it takes most to
# recover.
exec "${0%/*}/boot" -x ocaml smoke lifecycle runtime hostile worst
