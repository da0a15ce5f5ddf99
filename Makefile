# SPDX-License-Identifier: GPL-2.0-or-later
#
# One Makefile for the whole tree; each folder lists its own targets in
# rules.mk. Objects go to obj/ below the build directory, which is the
# current one, or build/ if make is called in the sources.
#
# What there is to make, as make help prints it:
#
#? make                   all programs
#? make ROOM              a room (console/output) or a program's rooms (console)
#? make demo              a real Xen under QEMU, and the main job step by step
#? make check             every test; TESTS= names some; RELEASE= another Debian
#? make check-asan        unit and component tests with sanitizers
#? make check-full        the long matrices besides, on each release
#? make mutate            faults in a copy of the sources, which tests must see
#? make coverage          which lines the unit tests run
#? make bench             figures, as ratios to stock; bench-plots: the pictures
#? make compile_commands.json   for editors
#? make deb               Debian packages
#? make install           DESTDIR=, and what configure was told
#? make clean, distclean

ifeq ($(wildcard config.mk),)
# In the sources, unconfigured: everything happens in build/.
.DEFAULT_GOAL := all
srcdir := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
.PHONY: all $(MAKECMDGOALS)
ifneq ($(RELEASE),)
# In a root, where the sources are read-only.
SPECIAL := demo check check-asan check-full bench coverage mutate deb
ifneq ($(filter-out $(SPECIAL) help clean distclean,$(or $(MAKECMDGOALS),all)),)
$(error RELEASE= is for $(SPECIAL))
endif
else
SPECIAL := demo check check-asan check-full bench bench-plots coverage deb
endif
all $(filter-out all help clean distclean $(SPECIAL),$(MAKECMDGOALS)): build/config.mk
	+$(MAKE) -C build $@
help:
	@sed -n 's/^#? //p' $(srcdir)/Makefile
ifneq ($(RELEASE),)
# As it is on another release of Debian, in a root of its own.
$(filter $(SPECIAL),$(MAKECMDGOALS)):
	+$(srcdir)/tests/release $(RELEASE) build $@ $(if $(TESTS),TESTS="$(TESTS)")
else ifeq ($(origin RELEASE)$(filter check-full,$(MAKECMDGOALS)),undefinedcheck-full)
# On each, whatever came of those before.
check-full:
	+@failed=; for release in $(notdir $(wildcard $(srcdir)/tests/releases/*)); do \
	    $(srcdir)/tests/release $$release build $@ $(if $(TESTS),TESTS="$(TESTS)") || failed="$$failed $$release"; \
	done; [ -z "$$failed" ] || { echo "make check-full failed on:$$failed" >&2; exit 1; }
else
# These install missing build packages before they configure.
$(filter $(SPECIAL),$(MAKECMDGOALS)):
	+$(srcdir)/tests/setup build $@
	+$(MAKE) $(if $(filter check%,$@),$(if $(filter -j%,$(MAKEFLAGS)),,-j$$(nproc))) -C build $@
endif
$(filter clean distclean,$(MAKECMDGOALS)):
	rm -rf build
build/config.mk: configure VERSION
	mkdir -p build
	cd build && $(srcdir)/configure $(CONFIGURE_ARGS)
else

include config.mk
.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:

config.mk: $(srcdir)/configure $(srcdir)/VERSION
	@echo "configure has changed; run it again" >&2; exit 1

CPPFLAGS_ALL = -I. -I$(srcdir) -I$(srcdir)/tests/unit -D_GNU_SOURCE
# make V=1 shows whole commands.
Q = $(if $(V),,@)
COMPILE = $(Q)$(if $(V),,echo "  CC $@";) $(CC) -std=gnu11 $(CPPFLAGS_ALL) $(CPPFLAGS) $(WARNINGS) \
          $(HARDENING) $(CFLAGS) -MMD -MP
LINK = $(Q)$(if $(V),,echo "  LD $@";) $(CC) $(CFLAGS) -pie -Wl,-z,relro,-z,now $(LDFLAGS)

PROGRAMS :=
SCRIPTS :=
LIBRARIES :=
OBJECTS :=

# $(call objects,folder,names): their object files
objects = $(addprefix obj/$(1)/,$(addsuffix .o,$(2)))

# $(call room,folder): whatever lies in it is one archive, of which who links
# it takes what is needed. make <folder> builds it alone.
ROOMS :=
define room
ROOMS += $(1)
ROOM_$(1) := $$(patsubst $$(srcdir)/%.c,obj/%.o,$$(sort $$(wildcard $$(srcdir)/$(1)/*.c)))
OBJECTS += $$(ROOM_$(1))
obj/$(1).a: $$(ROOM_$(1))
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^
$(1): obj/$(1).a
endef
archives = $(patsubst %,obj/%.a,$(1))
# Of a rule's prerequisites: what is to be linked.
LINKED = $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group

# $(call program,name,rooms,libraries): a rule to link it
define program
PROGRAMS += $(1)
$(1): $(call archives,$(2))
	@mkdir -p $$(@D)
	$$(LINK) -o $$@ $$(LINKED) $(3)
endef

include $(srcdir)/tools/common/rules.mk
include $(srcdir)/libxl/rules.mk
include $(srcdir)/console/rules.mk
include $(srcdir)/xl/rules.mk
include $(srcdir)/tools/stubdom/rules.mk
include $(srcdir)/tools/screenshot/rules.mk
include $(srcdir)/apparmor/rules.mk
include $(srcdir)/libvirt/rules.mk
include $(srcdir)/tests/rules.mk

all: $(PROGRAMS) $(SCRIPTS) $(LIBRARIES)

obj/%.o: $(srcdir)/%.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

# The same, for the shared library.
obj/pic/%.o: $(srcdir)/%.c
	@mkdir -p $(@D)
	$(COMPILE) -fPIC -c -o $@ $<

-include $(patsubst %.o,%.d,$(sort $(OBJECTS)))

INSTALL = install
install: all
	$(INSTALL) -d $(addprefix $(DESTDIR),$(libexecdir)/xenqmp $(bindir) \
	    $(libdir)/pkgconfig $(includedir) $(docdir) \
	    $(systemdsystemunitdir) $(sysconfdir)/logrotate.d \
	    $(sysconfdir)/apparmor.d/abstractions)
	$(INSTALL) -m755 bin/xenconsoled bin/qmp-helper bin/screenshot bin/stubdomd \
	    $(DESTDIR)$(libexecdir)/xenqmp
	$(INSTALL) -m644 lib/display-tls.so $(DESTDIR)$(libexecdir)/xenqmp
	$(INSTALL) -m755 bin/xl-qmp bin/mkstubdom $(DESTDIR)$(bindir)
	$(INSTALL) -m644 $(srcdir)/libxl/client/libxl_qmp.h $(DESTDIR)$(includedir)
	$(INSTALL) -m755 lib/libxlqmp.so.0 $(DESTDIR)$(libdir)
	ln -sf libxlqmp.so.0 $(DESTDIR)$(libdir)/libxlqmp.so
	$(INSTALL) -m644 lib/xlqmp.pc $(DESTDIR)$(libdir)/pkgconfig
	$(INSTALL) -m644 $(UNITS) $(srcdir)/console/xenqmp-metrics.timer \
	    $(DESTDIR)$(systemdsystemunitdir)
	$(INSTALL) -m644 $(srcdir)/console/xenqmp.logrotate \
	    $(DESTDIR)$(sysconfdir)/logrotate.d/xenqmp
	$(Q)# libvirtd alone, and what some distributions have in its place.
	$(INSTALL) -D -m644 lib/libvirt-stubdom.so \
	    $(DESTDIR)$(libdir)/xenqmp/libvirt-stubdom.so
	for daemon in libvirtd virtxend; do $(INSTALL) -D -m644 $(LIBVIRT_DROP_IN) \
	    $(DESTDIR)$(systemdsystemunitdir)/$$daemon.service.d/xenqmp.conf; done
	$(INSTALL) -m644 $(PROFILES) $(DESTDIR)$(sysconfdir)/apparmor.d
	$(INSTALL) -m644 $(ABSTRACTIONS) $(DESTDIR)$(sysconfdir)/apparmor.d/abstractions
	$(INSTALL) -D -m644 $(srcdir)/xl/xl-qmp.bash \
	    $(DESTDIR)$(datarootdir)/bash-completion/completions/xl-qmp
	$(INSTALL) -m644 $(srcdir)/README.md $(srcdir)/docs/*.md $(DESTDIR)$(docdir)
	$(Q)# A page is found by each name that it has.
	$(Q)for page in $(srcdir)/docs/man/*.[1-8]; do \
	    section=$${page##*.}; dir=$(DESTDIR)$(mandir)/man$$section; \
	    $(INSTALL) -d $$dir && $(INSTALL) -m644 $$page $$dir || exit 1; \
	    for name in $$(sed -n '/^.Sh NAME/,/^.Nd/s/^.Nm \([a-z_.-]*\).*/\1/p' $$page); do \
	        [ -e $$dir/$$name.$$section ] || \
	            ln -s $${page##*/} $$dir/$$name.$$section; done; done

# Debian packages, of a copy of the sources.
deb:
	rm -rf deb
	mkdir -p deb/xenqmp-$(VERSION)
	cd $(srcdir) && cp -r Makefile README.md VERSION apparmor configure console \
	    debian docs libvirt libxl tests tools xl $(CURDIR)/deb/xenqmp-$(VERSION)
	cd deb/xenqmp-$(VERSION) && dpkg-buildpackage -us -uc -b -j1

# As it is compiled, for editors and what else asks. A link in the sources
# leads them to it.
COMPILED = $(sort $(patsubst obj/%.o,%.c,$(filter-out $(addprefix obj/,pic/% faults/% libvirt-test/% patient/% short/%),$(OBJECTS))))
compile_commands.json: config.mk obj/compiled
	@$(srcdir)/tests/compile_commands $(CURDIR) $(srcdir) \
	    "$(CC) -std=gnu11 $(CPPFLAGS_ALL) $(CPPFLAGS) $(WARNINGS) $(CFLAGS)" $(COMPILED) >$@

# New when a source has come or gone.
obj/compiled: FORCE
	@mkdir -p $(@D)
	@echo $(COMPILED) | cmp -s - $@ || echo $(COMPILED) >$@

help:
	@sed -n 's/^#? //p' $(srcdir)/Makefile

clean:
	rm -rf obj bin lib deb

distclean: clean
	rm -f config.mk config.h

.PHONY: FORCE all help install deb clean distclean $(ROOMS) console libxl tools
endif
