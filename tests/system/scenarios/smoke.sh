# SPDX-License-Identifier: GPL-2.0-or-later
# dom0 comes up and xl speaks to Xen.
ok "xl list" xl list
ok "xenconsoled answers" xl-qmp consoles
