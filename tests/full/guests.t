#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A hundred guests with a qmp-helper each.
XENQMP_GUESTS=100 exec "${XENQMP_BUILD:?}/tests/component/guests"
