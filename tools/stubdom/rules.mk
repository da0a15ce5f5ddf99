# SPDX-License-Identifier: GPL-2.0-or-later
STUBDOMD_OBJECTS := $(call objects,tools/stubdom,stubdomd arguments boot \
    consoles disks monitor network options qemu relay state stream) $(QMP_OBJECTS) $(COMMON_OBJECTS)
$(eval $(call program,bin/stubdomd,$(STUBDOMD_OBJECTS),\
    $(XENSTORE_LIBS) $(YAJL_LIBS) $(ZLIB_LIBS)))

SCRIPTS += bin/mkstubdom
bin/mkstubdom: $(srcdir)/tools/stubdom/mkstubdom.in config.mk
	@mkdir -p $(@D)
	sed 's,@libexecdir@,$(libexecdir),' $< >$@.new
	chmod 755 $@.new
	mv $@.new $@
