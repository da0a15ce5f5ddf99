# SPDX-License-Identifier: GPL-2.0-or-later
# What os is, with more to say.
os_bytes=65536
. /tests/scenarios/os.sh
