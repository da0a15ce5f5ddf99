# SPDX-License-Identifier: GPL-2.0-or-later
# pci-os.sh, with the disk detached and attached twenty times, and a reboot.
rounds=20
. /tests/scenarios/pci-os.sh
