#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# On oxenstored: a guest's life, what xl asks of its QEMU meanwhile, and a
# stubdomain that attacks dom0.
exec "${0%/*}/boot" -x ocaml smoke lifecycle runtime hostile
