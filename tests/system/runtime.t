#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What xl asks of a running guest's QEMU.
exec "${0%/*}/boot" -x ocaml runtime
