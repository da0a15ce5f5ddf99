#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# On oxenstored: a stubdomain that attacks dom0.
exec "${0%/*}/boot" -x ocaml hostile
