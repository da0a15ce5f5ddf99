# SPDX-License-Identifier: LGPL-2.1-or-later
# What is preloaded into libvirtd, and the drop-ins that do so.
LIBVIRT_OBJECTS := $(addprefix obj/pic/libvirt/,domain_json.o preload.o stubdom.o) \
    $(addprefix obj/pic/libxl/,keyfile.o qmp_buf.o qmp_json.o qmp_message.o)
OBJECTS += $(LIBVIRT_OBJECTS)
LIBVIRT_DROP_IN := lib/libvirtd.conf
LIBRARIES += lib/libvirt-stubdom.so $(LIBVIRT_DROP_IN)
lib/libvirt-stubdom.so: $(LIBVIRT_OBJECTS) $(srcdir)/libvirt/preload.map
	@mkdir -p $(@D)
	$(LIBVIRT_LINK)
LIBVIRT_LINK = $(Q)$(CC) $(CFLAGS) -shared -Wl,-z,relro,-z,now \
    -Wl,--version-script=$(srcdir)/libvirt/preload.map $(LDFLAGS) \
    -o $@ $(filter %.o,$^) $(YAJL_LIBS)

$(LIBVIRT_DROP_IN): $(srcdir)/libvirt/libvirtd.conf.in config.mk
	@mkdir -p $(@D)
	sed 's,@libdir@,$(libdir),' $< >$@
