#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Xen's own xenconsoled runs in the place of ours.
exec "${0%/*}/boot" -c xen refusal
