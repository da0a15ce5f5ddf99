# SPDX-License-Identifier: GPL-2.0-or-later
XL_QMP_OBJECTS := $(call objects,xl,cmd_batch cmd_consoles cmd_create cmd_events cmd_exec \
    consoled event guest_config host latency output request rows target xl_qmp)
$(eval $(call program,bin/xl-qmp,$(XL_QMP_OBJECTS) $(XLQMP_OBJECTS) \
    obj/tools/common/log.o,\
    $(XENLIGHT_LIBS) $(XLUTIL_LIBS) $(XENTOOLLOG_LIBS) $(YAJL_LIBS)))
