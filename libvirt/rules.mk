# SPDX-License-Identifier: LGPL-2.1-or-later
# What is preloaded into libvirtd, and the drop-ins that do so.
LIBVIRT_OBJECTS := $(patsubst obj/%,obj/pic/%,$(call objects,libvirt,domain_json preload stubdom) \
    obj/libxl/helper/keyfile.o $(call objects,libxl/qmp,buf json message) \
    $(call objects,tools/common,log stubdom_image))
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
