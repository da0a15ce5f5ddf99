# SPDX-License-Identifier: GPL-2.0-or-later
# From the bottom to the top; see docs/architecture.md.
CONSOLE_ROOMS := $(addprefix console/,xen files control output guest daemon)
$(foreach r,$(CONSOLE_ROOMS),$(eval $(call room,$(r))))
XENCONSOLED_ROOMS := $(CONSOLE_ROOMS) libxl/qmp tools/common
XENCONSOLED_LIBS = $(XENSTORE_LIBS) $(XENEVTCHN_LIBS) $(XENGNTTAB_LIBS) \
    $(XENFOREIGNMEMORY_LIBS) $(XENCTRL_LIBS) $(XENTOOLLOG_LIBS) $(CAP_LIBS) $(SECCOMP_LIBS) \
    $(SYSTEMD_LIBS) $(ZLIB_LIBS)
$(eval $(call program,bin/xenconsoled,$(XENCONSOLED_ROOMS),$(XENCONSOLED_LIBS)))
console: bin/xenconsoled

# The timer has nothing to fill in.
UNITS := lib/xenqmp-xenconsoled.service lib/xenqmp-metrics.service
LIBRARIES += $(UNITS)
$(UNITS): lib/%: $(srcdir)/console/%.in config.mk
	@mkdir -p $(@D)
	sed 's,@bindir@,$(bindir),; s,@libexecdir@,$(libexecdir),; s,@sysconfdir@,$(sysconfdir),' $< >$@
