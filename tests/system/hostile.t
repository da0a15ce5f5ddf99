#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A stubdomain that attacks dom0.
exec "${0%/*}/boot" hostile
