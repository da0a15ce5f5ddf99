# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call room,tools/stubdom))
STUBDOMD_ROOMS := tools/stubdom libxl/link libxl/qmp tools/common
STUBDOMD_LIBS = $(XENSTORE_LIBS) $(YAJL_LIBS) $(ZLIB_LIBS)
$(eval $(call program,bin/stubdomd,$(STUBDOMD_ROOMS),$(STUBDOMD_LIBS)))

SCRIPTS += bin/mkstubdom
bin/mkstubdom: $(srcdir)/tools/stubdom/mkstubdom.in config.mk
	@mkdir -p $(@D)
	sed 's,@libexecdir@,$(libexecdir),; s,@localstatedir@,$(localstatedir),' $< >$@.new
	chmod 755 $@.new
	mv $@.new $@
tools: bin/stubdomd bin/mkstubdom
