#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What dies in the midst of an operation.
exec "${0%/*}/boot" -x ocaml worst
