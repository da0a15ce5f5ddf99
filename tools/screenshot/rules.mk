# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call room,tools/screenshot))
$(eval $(call program,bin/screenshot,tools/screenshot tools/common,$(VNCCLIENT_LIBS) $(PNG_LIBS) $(GCRYPT_LIBS) $(SECCOMP_LIBS)))
tools: bin/screenshot
