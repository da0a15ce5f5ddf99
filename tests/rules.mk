# SPDX-License-Identifier: GPL-2.0-or-later
UNIT_TESTS :=

# $(call unit_test,name,objects,libraries): tests/unit/test_<name>.c
define unit_test
UNIT_TESTS += tests/unit/test_$(1)
OBJECTS += obj/tests/unit/test_$(1).o $(2)
tests/unit/test_$(1): obj/tests/unit/test_$(1).o $(2)
	@mkdir -p $$(@D)
	$$(LINK) -o $$@ $$(filter %.o,$$^) $(3)
endef

comma = ,
# One line a test, sorted.
$(eval $(call unit_test,cmd_console,$(call objects,xl,attach cmd_console consoled domid) obj/libxl/qmp_buf.o obj/tools/common/log.o,))
$(eval $(call unit_test,cmd_consoles,obj/libxl/stubdom_state.o $(call objects,xl,cmd_consoles domid listing replace rows) $(QMP_OBJECTS) obj/tools/common/log.o,$(YAJL_LIBS)))
$(eval $(call unit_test,cmd_exec,$(call objects,xl,cmd_exec files output request) $(QMP_OBJECTS) obj/tools/common/log.o,$(YAJL_LIBS)))
$(eval $(call unit_test,cmd_doctor,obj/libxl/stubdom_state.o obj/tools/common/log.o,))
$(eval $(call unit_test,cmd_stats,obj/libxl/stubdom_state.o $(call objects,xl,cmd_stats domid listing metric replace sessions) obj/libxl/qmp_buf.o obj/tools/common/log.o,))
$(eval $(call unit_test,completion,$(call objects,xl,completion schema) $(QMP_OBJECTS),$(YAJL_LIBS)))
$(eval $(call unit_test,control,$(call objects,console,binding control crew lane listener) $(call objects,libxl,qmp_buf) $(COMMON_OBJECTS),))
$(eval $(call unit_test,creation,$(call objects,tools/common,log stubdom_log),))
$(eval $(call unit_test,crew,$(call objects,console,crew lane privileges) $(COMMON_OBJECTS),-Wl$(comma)--wrap=stat $(CAP_LIBS) $(SECCOMP_LIBS)))
$(eval $(call unit_test,disks,$(call objects,tools/stubdom,disks monitor) $(QMP_OBJECTS) $(COMMON_OBJECTS),$(YAJL_LIBS)))
$(eval $(call unit_test,fdstore,$(CONSOLE_OUTPUTS) $(COMMON_OBJECTS) obj/tests/unit/fake_systemd.o,$(SYSTEMD_LIBS) $(ZLIB_LIBS)))
$(eval $(call unit_test,fifo,obj/console/fifo.o,))
$(eval $(call unit_test,helper,$(call objects,libxl,helper_args helper_consoled helper_proxy helper_root helper_socket) $(COMMON_OBJECTS),))
$(eval $(call unit_test,helper_children,$(call objects,libxl,helper_privileges) $(COMMON_OBJECTS),$(CAP_LIBS) $(SECCOMP_LIBS)))
$(eval $(call unit_test,helper_qemu,obj/libxl/helper_store.o obj/tests/unit/fake_store.o $(COMMON_OBJECTS),))
$(eval $(call unit_test,helper_serial,$(call objects,libxl,helper_console helper_consoled helper_consoles helper_store) $(call objects,tests/unit,fake_store) $(COMMON_OBJECTS),))
$(eval $(call unit_test,helper_sockets,$(call objects,libxl,helper_children helper_config helper_sockets keyfile) $(COMMON_OBJECTS),$(SECCOMP_LIBS)))
$(eval $(call unit_test,helper_store,$(call objects,libxl,helper_channels helper_console helper_consoled helper_consoles helper_devices helper_pids helper_serial helper_store) $(call objects,tests/unit,fake_store) $(COMMON_OBJECTS),))
$(eval $(call unit_test,helper_stubdom,$(call objects,libxl,helper_store stubdom_state) obj/tests/unit/fake_store.o obj/tools/common/stubdom_log.o $(COMMON_OBJECTS),))
$(eval $(call unit_test,host,obj/libxl/stubdom_state.o obj/xl/host.o,$(XENTOOLLOG_LIBS)))
$(eval $(call unit_test,keys,$(call objects,console,keys settings store) $(call objects,tests/unit,fake_store) $(COMMON_OBJECTS),))
$(eval $(call unit_test,latency,obj/xl/latency.o,))
$(eval $(call unit_test,libvirt,,-Ltests/unit -lfake_libxl -Wl$(comma)-rpath$(comma)'$$$$ORIGIN' $(XENLIGHT_LIBS) $(XENTOOLLOG_LIBS)))
$(eval $(call unit_test,log,obj/tools/common/log.o,))
$(eval $(call unit_test,logfile,obj/console/logfile.o $(COMMON_OBJECTS),-Wl$(comma)--wrap=rename))
$(eval $(call unit_test,loop,obj/tools/common/loop.o,))
$(eval $(call unit_test,privileges,$(CONSOLE_OUTPUTS) $(call objects,console,privileges supervisor) $(COMMON_OBJECTS),$(CAP_LIBS) $(SECCOMP_LIBS) $(SYSTEMD_LIBS) $(ZLIB_LIBS)))
$(eval $(call unit_test,qmp_framer,$(call objects,libxl,qmp_buf qmp_framer qmp_skim),))
$(eval $(call unit_test,qmp_json,$(QMP_OBJECTS),$(YAJL_LIBS)))
$(eval $(call unit_test,qmp_message,$(QMP_OBJECTS),$(YAJL_LIBS)))
$(eval $(call unit_test,qmp_quotes,$(call objects,libxl,qmp_buf qmp_quotes),))
$(eval $(call unit_test,record,obj/console/record.o,))
$(eval $(call unit_test,relay,obj/tools/stubdom/relay.o $(QMP_OBJECTS),$(YAJL_LIBS)))
$(eval $(call unit_test,replace,obj/xl/replace.o,))
$(eval $(call unit_test,request,obj/xl/request.o $(QMP_OBJECTS),$(YAJL_LIBS)))
$(eval $(call unit_test,ring,obj/console/ring.o,))
$(eval $(call unit_test,rows,obj/libxl/stubdom_state.o $(call objects,xl,rows consoled) $(QMP_OBJECTS) obj/tools/common/log.o,$(YAJL_LIBS)))
$(eval $(call unit_test,sessions,$(filter-out %/xlqmp_handshake.o,$(XLQMP_OBJECTS)) obj/tools/stubdom/relay.o,$(XLQMP_LIBS)))
$(eval $(call unit_test,settings,obj/console/settings.o,))
$(eval $(call unit_test,stream,$(call objects,console,fifo stream) $(COMMON_OBJECTS),-Wl$(comma)--wrap=write))
$(eval $(call unit_test,stubdom,$(call objects,tools/stubdom,arguments boot consoles monitor network options state stream) $(COMMON_OBJECTS),$(ZLIB_LIBS)))
$(eval $(call unit_test,stubdom_log,$(call objects,tools/common,log stubdom_log),))
$(eval $(call unit_test,supervisor,obj/console/supervisor.o obj/tests/unit/fake_systemd.o $(COMMON_OBJECTS),$(SYSTEMD_LIBS)))
$(eval $(call unit_test,worker_limits,$(QMP_OBJECTS) $(COMMON_OBJECTS),$(WORKER_LIBS)))
$(eval $(call unit_test,worker_stubdom,$(filter-out %/worker_monitor.o %/worker_mux.o,$(WORKER_OBJECTS)) $(QMP_OBJECTS) $(COMMON_OBJECTS),$(WORKER_LIBS)))
$(eval $(call unit_test,worker_sessions,$(call objects,libxl,worker_greeting) obj/tools/stubdom/relay.o $(QMP_OBJECTS) obj/tools/common/log.o,$(WORKER_LIBS)))
$(eval $(call unit_test,worker_sandbox,obj/libxl/helper_privileges.o $(filter-out %/worker_sandbox.o,$(WORKER_OBJECTS)) $(QMP_OBJECTS) $(COMMON_OBJECTS),$(WORKER_LIBS)))
$(eval $(call unit_test,xl_create,obj/libxl/stubdom_state.o $(call objects,tools/common,log stubdom_log) obj/libxl/qmp_buf.o $(call objects,xl,creation guest_config host),$(XLUTIL_LIBS) $(XENLIGHT_LIBS) $(XENSTORE_LIBS) $(XENTOOLLOG_LIBS)))
$(eval $(call unit_test,xl_qmp,obj/tests/unit/fake_qmp.o,))
tests/unit/test_xl_qmp: bin/xl-qmp
$(eval $(call unit_test,xlqmp,$(XLQMP_OBJECTS),$(XLQMP_LIBS)))
$(eval $(call unit_test,xlqmp_event,$(XLQMP_OBJECTS),$(XLQMP_LIBS)))
$(eval $(call unit_test,xlqmp_flow,$(XLQMP_OBJECTS),$(XLQMP_LIBS)))
$(eval $(call unit_test,xlqmp_io,$(XLQMP_OBJECTS) obj/tests/unit/fake_qmp.o,$(XLQMP_LIBS)))
$(eval $(call unit_test,xlqmp_open,$(XLQMP_OBJECTS) obj/tests/unit/fake_qmp.o,$(XLQMP_LIBS)))
$(eval $(call unit_test,xlqmp_stratovirt,$(XLQMP_OBJECTS),$(XLQMP_LIBS)))

# The library for libvirtd, with a stubdom.conf in the current directory.
tests/unit/test_libvirt: | tests/unit/libvirt-stubdom.so tests/unit/libfake_libxl.so
LIBVIRT_TEST = $(LIBVIRT_OBJECTS:obj/pic/%=obj/libvirt-test/%)
OBJECTS += $(LIBVIRT_TEST) obj/pic/tests/unit/fake_libxl.o
obj/libvirt-test/%.o: $(srcdir)/%.c
	@mkdir -p $(@D)
	$(COMPILE) -fPIC -DSTUBDOM_CONF='"stubdom.conf"' -c -o $@ $<
tests/unit/libvirt-stubdom.so: $(LIBVIRT_TEST)
	@mkdir -p $(@D)
	$(LIBVIRT_LINK)
tests/unit/libfake_libxl.so: obj/pic/tests/unit/fake_libxl.o
	@mkdir -p $(@D)
	$(LINK) -shared -o $@ $^

# On worker_fixture.h.
$(foreach t,worker worker_clients worker_hostile worker_oob worker_process worker_save worker_session worker_shares worker_sockets,$(eval $(call unit_test,$(t),$(WORKER_OBJECTS) $(QMP_OBJECTS) $(COMMON_OBJECTS),$(WORKER_LIBS))))

# On console_fixture.h.
WRAP_flow = -Wl,--wrap=output_put
WRAP_slow_disk = -Wl,--wrap=lstat -Wl,--wrap=write
$(foreach t,console domains flow frontend refresh requests slow_disk,$(eval $(call unit_test,$(t),$(filter-out %/domains.o %/main.o %/refresh.o %/server.o %/hv.o %/privileges.o,$(CONSOLE_OBJECTS)) $(call objects,tests/unit,fake_hv fake_store),$(WRAP_$(t)) $(SYSTEMD_LIBS) $(ZLIB_LIBS))))
# xenconsoled with the places of console/fault.h, and logs that are soon full.
FAULTS = $(patsubst obj/%,obj/faults/%,$(filter-out %/domains.o %/main.o %/refresh.o %/server.o %/hv.o %/privileges.o,$(CONSOLE_OBJECTS)))
obj/faults/%.o: $(srcdir)/%.c
	@mkdir -p $(@D)
	$(COMPILE) -DXENQMP_FAULTS -DLOGFILE_MAX=16384 -c -o $@ $<
$(eval $(call unit_test,kills,$(FAULTS) obj/console/privileges.o $(call objects,tests/unit,fake_hv fake_store fault),$(CAP_LIBS) $(SECCOMP_LIBS) $(SYSTEMD_LIBS) $(ZLIB_LIBS)))

# On output_fixture.h.
WRAP_out_save = -Wl,--wrap=write
$(foreach t,out_pipe out_pty output,$(eval $(call unit_test,$(t),$(CONSOLE_OUTPUTS) $(COMMON_OBJECTS),$(WRAP_$(t)) $(SYSTEMD_LIBS) $(ZLIB_LIBS))))
$(foreach t,out_file out_save out_unix,$(eval $(call unit_test,$(t),$(filter-out %/$(t).o,$(CONSOLE_OUTPUTS)) $(COMMON_OBJECTS),$(WRAP_$(t)) $(SYSTEMD_LIBS) $(ZLIB_LIBS))))

# $(call fuzz_target,name,objects,libraries): tests/fuzz/<name>.c, as
# replay_<name> with its corpus, and by libFuzzer.
FUZZ_REPLAYS :=
FUZZ_CC = clang
FUZZ_CFLAGS = -g -O1 -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=undefined
define fuzz_target
FUZZ_REPLAYS += tests/fuzz/replay_$(1)
OBJECTS += obj/tests/fuzz/$(1).o $(2) obj/tests/fuzz/replay.o
tests/fuzz/replay_$(1): obj/tests/fuzz/$(1).o obj/tests/fuzz/replay.o $(2)
	@mkdir -p $$(@D)
	$$(LINK) -o $$@ $$^ $(3)
tests/fuzz/fuzz_$(1): $(patsubst obj/%.o,$(srcdir)/%.c,obj/tests/fuzz/$(1).o $(2))
	@mkdir -p $$(@D)
	$$(FUZZ_CC) -std=gnu11 $$(CPPFLAGS_ALL) $$(FUZZ_CFLAGS) -o $$@ $$^ $(3)
endef
$(eval $(call fuzz_target,console,$(filter-out %/domains.o %/main.o %/refresh.o %/server.o %/hv.o %/privileges.o,$(CONSOLE_OBJECTS)) $(call objects,tests/unit,fake_hv fake_store),-Wl$(comma)--wrap=log_line$(comma)--wrap=log_limited $(SYSTEMD_LIBS) $(ZLIB_LIBS)))
$(eval $(call fuzz_target,framer,$(call objects,libxl,qmp_buf qmp_framer qmp_skim),))
$(eval $(call fuzz_target,message,$(QMP_OBJECTS),$(YAJL_LIBS)))
$(eval $(call fuzz_target,relay,obj/tools/stubdom/relay.o $(QMP_OBJECTS),$(YAJL_LIBS)))
$(eval $(call fuzz_target,session,$(filter-out %/xlqmp_handshake.o,$(XLQMP_OBJECTS)),$(XLQMP_LIBS)))

# What tests of whole programs run beside them. A worker that waits less.
COMPONENTS = tests/component/qmp_stack
SHORT := $(WORKER_OBJECTS:obj/%=obj/short/%)
QMP_STACK = $(call objects,tests/component,hvc qmp_stack)
OBJECTS += $(QMP_STACK) $(SHORT)
obj/short/%.o: $(srcdir)/%.c
	@mkdir -p $(@D)
	$(COMPILE) -DWORKER_REPLY_LIMIT_MS=3000 -DWORKER_SEND_LIMIT_MS=2000 -c -o $@ $<
tests/component/qmp_stack: $(QMP_STACK) $(call objects,tests/xensim,guest host xensim) $(filter-out %/stubdomd.o,$(STUBDOMD_OBJECTS)) $(SHORT)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(XENSTORE_LIBS) $(WORKER_LIBS) $(ZLIB_LIBS)

# A simulated hypervisor, and tests of the real xenconsoled on it.
XENSIM = $(call objects,tests/xensim,guest host xensim)
OBJECTS += $(XENSIM) $(patsubst obj/%,obj/pic/%,$(call objects,tests/xensim,preload xensim))
# It goes into Debian's xenstored too, which has no sanitizer's runtime.
tests/xensim/libxensim.so obj/pic/tests/xensim/%.o: CFLAGS := $(filter-out -fsanitize%,$(CFLAGS))
tests/xensim/libxensim.so: $(patsubst obj/%,obj/pic/%,$(call objects,tests/xensim,preload xensim))
	@mkdir -p $(@D)
	$(LINK) -shared -o $@ $^

# $(call xensim_test,name): tests/component/<name>.c
XENSIM_TESTS :=
define xensim_test
XENSIM_TESTS += tests/component/$(1)
OBJECTS += obj/tests/component/$(1).o
tests/component/$(1): obj/tests/component/$(1).o $$(XENSIM)
	@mkdir -p $$(@D)
	$$(LINK) -o $$@ $$^ $(XENSTORE_LIBS)
endef
$(foreach t,commands consoles drop_in helper journal logs scale stubdomd,$(eval $(call xensim_test,$(t))))
$(XENSIM_TESTS): | bin/qmp-helper bin/stubdomd bin/xenconsoled bin/xl-qmp tests/xensim/libxensim.so
OBJECTS += obj/tests/bench/consoles.o
tests/bench/consoles: obj/tests/bench/consoles.o $(XENSIM)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(XENSTORE_LIBS)
XENSIM_TESTS_ALL = $(XENSIM_TESTS) tests/xensim/libxensim.so

unit-tests: $(UNIT_TESTS) $(FUZZ_REPLAYS)

# What the system tests boot: unpacked packages (kept), an installation of
# this build, and the images made of both.
INSTALLED = system/installed
sysroot/.complete: $(srcdir)/tests/system/sysroot
	$(srcdir)/tests/system/sysroot sysroot

SYSTEM_SOURCES = $(shell find $(srcdir)/tests/system -type f)
OBJECTS += obj/tests/bench/qmp_latency.o
tests/bench/qmp_latency: obj/tests/bench/qmp_latency.o
	@mkdir -p $(@D)
	$(LINK) -o $@ $^
system/dom0.gz: tests/bench/qmp_latency
system/dom0.gz: sysroot/.complete $(SYSTEM_SOURCES) $(PROGRAMS) $(SCRIPTS) $(LIBRARIES)
	@[ "$(prefix)" = /usr ] || { echo "The system tests need a build configured with --prefix=/usr" >&2; exit 1; }
	rm -rf $(INSTALLED)
	+$(MAKE) --no-print-directory install DESTDIR=$(CURDIR)/$(INSTALLED) >system-install.log
	$(srcdir)/tests/system/image sysroot $(INSTALLED) system tests/bench/qmp_latency

# Every test, one line of counts; check-full adds the long ones in tests/full.
# In this order, $(JOBS) at a time: what is over at once first, then what takes
# longest. TESTS names some of them instead, by their file's name or path,
# with or without tests/, test_ and .t, or all of a folder; unit tests alone
# need nothing unpacked.
sources_tests = $(sort $(wildcard $(srcdir)/tests/$(1)/*.t))
CHECK = $(UNIT_TESTS) $(FUZZ_REPLAYS) $(call sources_tests,system) $(XENSIM_TESTS) \
    $(call sources_tests,component) $(call sources_tests,programs)
CHECK_FULL = $(call sources_tests,full) $(srcdir)/tests/mutate
named = $(or $(filter tests/$(1)/% $(srcdir)/tests/$(1)/%,$(CHECK)), \
    $(filter $(1) $(srcdir)/$(1) %/$(1) %/$(1).t %/test_$(1),$(CHECK) $(CHECK_FULL)), \
    $(error There is no test $(1)))
CHOSEN = $(foreach test,$(TESTS),$(call named,$(test)))
ifneq ($(filter-out $(UNIT_TESTS) $(FUZZ_REPLAYS),$(or $(CHOSEN),all)),)
NEEDED = all unit-tests $(COMPONENTS) $(XENSIM_TESTS_ALL) system/dom0.gz
else
NEEDED = $(CHOSEN)
endif
check-full: CHECK += $(CHECK_FULL)
check check-full: $(NEEDED)
	XENQMP_BUILD=$(CURDIR) SRCDIR=$(srcdir) $(srcdir)/tests/run $(or $(CHOSEN),$(CHECK))

# The unit and component tests once more, of a build with AddressSanitizer and
# UBSan. What is preloaded need not come behind their runtime, for it has no
# malloc() of its own.
ASAN_TESTS = $(UNIT_TESTS) $(FUZZ_REPLAYS) $(XENSIM_TESTS) \
    $(sort $(wildcard $(srcdir)/tests/component/*.t))
asan/config.mk: $(srcdir)/configure $(srcdir)/VERSION config.mk
	@mkdir -p $(@D)
	cd $(@D) && $(srcdir)/configure CC='$(CC)' --enable-sanitize=address,undefined \
	    CFLAGS='-O1 -g -fno-sanitize-recover=undefined'
	ln -sfn ../sysroot $(@D)/sysroot
check-asan: asan/config.mk sysroot/.complete
	+$(MAKE) -C asan all unit-tests $(COMPONENTS) $(XENSIM_TESTS_ALL)
	cd asan && XENQMP_BUILD=$(CURDIR)/asan SRCDIR=$(srcdir) \
	    ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 \
	    $(srcdir)/tests/run $(ASAN_TESTS)

demo: all system/dom0.gz
	XENQMP_BUILD=$(CURDIR) $(srcdir)/tests/system/demo

# Faults in a copy of the sources, each of which a test must see.
mutate:
	XENQMP_BUILD=$(CURDIR) SRCDIR=$(srcdir) $(srcdir)/tests/run $(srcdir)/tests/mutate

# Figures, as ratios to the stock set-up in the same run, and a picture.
bench: all system/dom0.gz tests/bench/consoles $(COMPONENTS) tests/xensim/libxensim.so
	XENQMP_BUILD=$(CURDIR) tests/bench/consoles | $(srcdir)/tests/bench/plots tests/bench/consoles.svg
	XENQMP_BUILD=$(CURDIR) $(srcdir)/tests/bench/saves
	XENQMP_BUILD=$(CURDIR) $(srcdir)/tests/bench/create

# The picture that the README shows.
bench-plots: bench
	cp tests/bench/consoles.svg $(srcdir)/docs/consoles.svg

.PHONY: unit-tests check check-asan check-full mutate demo bench bench-plots
