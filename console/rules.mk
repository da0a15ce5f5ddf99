# SPDX-License-Identifier: GPL-2.0-or-later
CONSOLE_OUTPUTS := $(call objects,console,binding control crew fdstore fifo lane listener \
    logfile logger out_file out_pipe out_pty out_save out_unix output readfile \
    record ring savefile settings stream) \
    $(call objects,libxl,qmp_buf)
CONSOLE_OBJECTS := $(CONSOLE_OUTPUTS) $(COMMON_OBJECTS) \
    $(call objects,console,console domains flow frontend hv journal keys main options privileges \
    refresh requests server store supervisor toolstack)
$(eval $(call program,bin/xenconsoled,$(CONSOLE_OBJECTS),\
    $(XENSTORE_LIBS) $(XENEVTCHN_LIBS) $(XENGNTTAB_LIBS) \
    $(XENFOREIGNMEMORY_LIBS) $(XENCTRL_LIBS) $(XENTOOLLOG_LIBS) $(CAP_LIBS) $(SECCOMP_LIBS) \
    $(SYSTEMD_LIBS) $(ZLIB_LIBS)))

# The timer has nothing to fill in.
UNITS := lib/xenqmp-xenconsoled.service lib/xenqmp-metrics.service
LIBRARIES += $(UNITS)
$(UNITS): lib/%: $(srcdir)/console/%.in config.mk
	@mkdir -p $(@D)
	sed 's,@bindir@,$(bindir),; s,@libexecdir@,$(libexecdir),; s,@sysconfdir@,$(sysconfdir),' $< >$@
