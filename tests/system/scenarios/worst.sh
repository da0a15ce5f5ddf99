# SPDX-License-Identifier: GPL-2.0-or-later
# The faults from which it takes most to recover, of all those in faults.sh.

fault_cases="parent-create xenconsoled-save worker-restore qemu-migrate \
    stubdomain-save xl-create"
. /tests/scenarios/faults.sh
