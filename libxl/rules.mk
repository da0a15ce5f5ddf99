# SPDX-License-Identifier: LGPL-2.1-or-later
# What reads and writes QMP messages: in libxlqmp, qmp-helper and stubdomd.
QMP_OBJECTS := $(call objects,libxl,qmp_buf qmp_framer qmp_json qmp_message qmp_skim)
OBJECTS += $(QMP_OBJECTS)

# libxlqmp; xl-qmp and the tests link the same objects.
XLQMP_NAMES := xlqmp_command xlqmp_connect xlqmp_ctx xlqmp_event \
    xlqmp_flow xlqmp_handshake xlqmp_log xlqmp_open xlqmp_request \
    xlqmp_session
XLQMP_OBJECTS := $(call objects,libxl,$(XLQMP_NAMES)) $(QMP_OBJECTS)
XLQMP_LIBS = $(YAJL_LIBS) $(XENTOOLLOG_LIBS)
XLQMP_PIC := $(XLQMP_OBJECTS:obj/%=obj/pic/%)
OBJECTS += $(XLQMP_OBJECTS) $(XLQMP_PIC)
LIBRARIES += lib/libxlqmp.so.0 lib/xlqmp.pc
lib/libxlqmp.so.0: $(XLQMP_PIC) $(srcdir)/libxl/libxlqmp.map
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -Wl,-soname,$(@F) -Wl,-z,relro,-z,now \
	    -Wl,--version-script=$(srcdir)/libxl/libxlqmp.map \
	    $(if $(findstring -fsanitize,$(CFLAGS)),,-Wl,-z,defs) \
	    $(LDFLAGS) -o $@ $(XLQMP_PIC) $(XLQMP_LIBS)

lib/xlqmp.pc: config.mk $(srcdir)/libxl/rules.mk
	@mkdir -p $(@D)
	printf '%s\n' 'prefix=$(prefix)' 'exec_prefix=$(exec_prefix)' \
	    'libdir=$(libdir)' 'includedir=$(includedir)' '' 'Name: xlqmp' \
	    'Description: QMP client over sockets and Xen consoles' \
	    'Version: $(VERSION)' 'Requires.private: yajl xentoollog' \
	    'Libs: -L$${libdir} -lxlqmp' 'Cflags: -I$${includedir}' >$@

# qmp-helper's worker, which its tests link too, and qmp-helper.
WORKER_NAMES := qmp_quotes stubdom_state worker worker_client \
    worker_clients worker_console worker_flight worker_greeting worker_guest worker_listener \
    worker_monitor worker_mux worker_policy worker_process worker_reply \
    worker_sandbox worker_save worker_session worker_toolstack
WORKER_OBJECTS := $(call objects,libxl,$(WORKER_NAMES))
WORKER_LIBS = $(YAJL_LIBS) $(SECCOMP_LIBS) $(CAP_LIBS)
HELPER_NAMES := helper_args helper_channels helper_children helper_config \
    helper_console helper_consoled helper_consoles helper_devices \
    helper_pids helper_privileges helper_probe helper_proxy helper_qemu \
    helper_root helper_serial helper_socket helper_sockets helper_startup helper_store \
    helper_stubdom helper_toolstack keyfile
HELPER_PARTS := $(call objects,libxl,$(HELPER_NAMES))
HELPER_OBJECTS := obj/libxl/helper.o $(HELPER_PARTS)
$(eval $(call program,bin/qmp-helper,$(HELPER_OBJECTS) $(WORKER_OBJECTS) \
    $(QMP_OBJECTS) $(COMMON_OBJECTS) obj/tools/common/stubdom_log.o,\
    $(XENSTORE_LIBS) $(XENCTRL_LIBS) $(WORKER_LIBS)))
