# SPDX-License-Identifier: GPL-2.0-or-later
# Named as they are installed: profiles, and what libvirtd's includes.
PROFILES := lib/apparmor/xenqmp-helper lib/apparmor/xenqmp-xenconsoled
ABSTRACTIONS := lib/apparmor/abstractions/xenqmp-libvirtd
LIBRARIES += $(PROFILES) $(ABSTRACTIONS)
APPARMOR = @mkdir -p $(@D); \
    sed 's,@libexecdir@,$(libexecdir),; s,@sysconfdir@,$(sysconfdir),; s,@localstatedir@,$(localstatedir),' $< >$@
$(PROFILES): lib/apparmor/%: $(srcdir)/apparmor/%.in config.mk
	$(APPARMOR)
$(ABSTRACTIONS): lib/apparmor/abstractions/%: $(srcdir)/apparmor/%.in config.mk
	$(APPARMOR)
