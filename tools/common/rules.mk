# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call room,tools/common))
