#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A thousand domains, as an administrator of a large host has them.
XENQMP_DOMAINS=1000 exec "${XENQMP_BUILD:?}/tests/component/scale"
