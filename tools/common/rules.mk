# SPDX-License-Identifier: GPL-2.0-or-later
COMMON_OBJECTS := $(call objects,tools/common,log loop)
