# SPDX-License-Identifier: LGPL-2.1-or-later
# From the bottom to the top; see docs/architecture.md.
$(foreach r,qmp client link child worker display helper,$(eval $(call room,libxl/$(r))))

# What the display worker loads if it is to speak TLS.
TLS_PIC := $(patsubst $(srcdir)/%.c,obj/pic/%.o,$(wildcard $(srcdir)/libxl/tls/*.c))
OBJECTS += $(TLS_PIC)
LIBRARIES += lib/display-tls.so
lib/display-tls.so: $(TLS_PIC)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -Wl,-z,relro,-z,now \
	    $(if $(findstring -fsanitize,$(CFLAGS)),,-Wl,-z,defs) \
	    $(LDFLAGS) -o $@ $(TLS_PIC) $(GNUTLS_LIBS)
libxl/tls: lib/display-tls.so

# libxlqmp; xl-qmp and the tests link the same objects.
XLQMP_ROOMS := libxl/client libxl/qmp
XLQMP_LIBS = $(YAJL_LIBS) $(XENTOOLLOG_LIBS)
XLQMP_PIC := $(patsubst obj/%,obj/pic/%,$(ROOM_libxl/client) $(ROOM_libxl/qmp))
OBJECTS += $(XLQMP_PIC)
LIBRARIES += lib/libxlqmp.so.0 lib/xlqmp.pc
lib/libxlqmp.so.0: $(XLQMP_PIC) $(srcdir)/libxl/client/libxlqmp.map
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -Wl,-soname,$(@F) -Wl,-z,relro,-z,now \
	    -Wl,--version-script=$(srcdir)/libxl/client/libxlqmp.map \
	    $(if $(findstring -fsanitize,$(CFLAGS)),,-Wl,-z,defs) \
	    $(LDFLAGS) -o $@ $(XLQMP_PIC) $(XLQMP_LIBS)

lib/xlqmp.pc: config.mk $(srcdir)/libxl/rules.mk
	@mkdir -p $(@D)
	printf '%s\n' 'prefix=$(prefix)' 'exec_prefix=$(exec_prefix)' \
	    'libdir=$(libdir)' 'includedir=$(includedir)' '' 'Name: xlqmp' \
	    'Description: QMP client over sockets and Xen consoles' \
	    'Version: $(VERSION)' 'Requires.private: yajl xentoollog' \
	    'Libs: -L$${libdir} -lxlqmp' 'Cflags: -I$${includedir}' >$@

# qmp-helper; its worker is a room of its own.
HELPER_ROOMS := libxl/helper libxl/display libxl/worker libxl/child libxl/link libxl/qmp tools/common
HELPER_LIBS = $(XENSTORE_LIBS) $(XENCTRL_LIBS) $(YAJL_LIBS) $(SECCOMP_LIBS) $(CAP_LIBS) $(NETTLE_LIBS)
$(eval $(call program,bin/qmp-helper,$(HELPER_ROOMS),$(HELPER_LIBS)))
libxl: bin/qmp-helper lib/libxlqmp.so.0 lib/display-tls.so
