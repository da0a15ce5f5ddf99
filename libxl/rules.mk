# SPDX-License-Identifier: LGPL-2.1-or-later
# What reads and writes QMP messages: in libxlqmp, qmp-helper and stubdomd.
QMP_OBJECTS := $(call objects,libxl,qmp_buf qmp_framer qmp_json qmp_message)
OBJECTS += $(QMP_OBJECTS)
