# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call room,xl))
XL_QMP_ROOMS := xl libxl/client libxl/qmp tools/common
XL_QMP_LIBS = $(XENLIGHT_LIBS) $(XENSTORE_LIBS) $(XLUTIL_LIBS) $(XENTOOLLOG_LIBS) $(YAJL_LIBS) $(EDIT_LIBS)
$(eval $(call program,bin/xl-qmp,$(XL_QMP_ROOMS),$(XL_QMP_LIBS)))
