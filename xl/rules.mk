# SPDX-License-Identifier: GPL-2.0-or-later
# The commands about the host and its consoles; then the others.
XL_QMP_OBJECTS := $(call objects,xl,attach cmd_console cmd_consoles \
    cmd_doctor cmd_stats domid listing metric replace sessions)
XL_QMP_OBJECTS += $(call objects,xl,cmd_batch cmd_create cmd_events cmd_exec \
    cmd_shell completion consoled creation event files guest_config host latency output \
    request rows schema shell_history target xl_qmp)
$(eval $(call program,bin/xl-qmp,$(XL_QMP_OBJECTS) $(XLQMP_OBJECTS) obj/libxl/stubdom_state.o \
    $(call objects,tools/common,log stubdom_log),\
    $(XENLIGHT_LIBS) $(XENSTORE_LIBS) $(XLUTIL_LIBS) $(XENTOOLLOG_LIBS) $(YAJL_LIBS) $(EDIT_LIBS)))
