# SPDX-License-Identifier: GPL-2.0-or-later
#
# Unit tests lie in tests/unit as what they test lies in the sources. Each is
# linked with the rooms of the program that it is of, and takes from them what
# it doesn't include or fake itself.
UNIT_TESTS := $(patsubst $(srcdir)/%.c,%,$(sort $(shell find $(srcdir)/tests/unit -name 'test_*.c')))
OBJECTS += $(UNIT_TESTS:%=obj/%.o)
comma = ,
fakes = $(call objects,tests/unit,$(1))

# $(call unit_tests,folder,rooms,libraries)
define unit_tests
$(filter tests/unit/$(1)/%,$(UNIT_TESTS)): %: obj/%.o $(call archives,$(2))
	@mkdir -p $$(@D)
	$$(LINK) -o $$@ $$(LINKED) $$(WRAP_$$(notdir $$@)) -Wl,--as-needed $(3)
endef
$(eval $(call unit_tests,tools/common,tools/common,))
$(eval $(call unit_tests,tools/stubdom,$(STUBDOMD_ROOMS),$(STUBDOMD_LIBS)))
$(eval $(call unit_tests,libxl/qmp,libxl/qmp,$(YAJL_LIBS)))
$(eval $(call unit_tests,libxl/client,$(XLQMP_ROOMS),$(XLQMP_LIBS)))
$(eval $(call unit_tests,libxl/link,libxl/link libxl/qmp,))
$(eval $(call unit_tests,libxl/child,$(HELPER_ROOMS),$(HELPER_LIBS)))
$(eval $(call unit_tests,libxl/display,$(HELPER_ROOMS),$(HELPER_LIBS) $(GNUTLS_LIBS)))
$(eval $(call unit_tests,libxl/worker,$(HELPER_ROOMS),$(HELPER_LIBS)))
$(eval $(call unit_tests,libxl/helper,$(HELPER_ROOMS),$(HELPER_LIBS) $(GNUTLS_LIBS)))
$(eval $(call unit_tests,console,$(XENCONSOLED_ROOMS),$(XENCONSOLED_LIBS)))
$(eval $(call unit_tests,xl,$(XL_QMP_ROOMS),$(XL_QMP_LIBS)))
$(eval $(call unit_tests,libvirt,,-Ltests/unit/libvirt -lfake_libxl -Wl$(comma)-rpath$(comma)'$$$$ORIGIN' $(XENLIGHT_LIBS) $(XENTOOLLOG_LIBS)))

# What stands in for the world.
tests/unit/libxl/client/test_sessions tests/unit/libxl/worker/test_sessions: obj/tools/stubdom/relay.o
$(addprefix tests/unit/libxl/client/test_,io open) tests/unit/xl/test_xl_qmp: $(call fakes,fake_qmp)
$(addprefix tests/unit/libxl/helper/test_,display pci qemu serial store stubdom) tests/unit/tools/common/test_stubdom_memory $(addprefix tests/unit/tools/stubdom/test_,frontends pci) tests/unit/console/xen/test_keys: $(call fakes,fake_store)
tests/unit/console/output/test_fdstore tests/unit/console/daemon/test_supervisor: $(call fakes,fake_systemd)
tests/unit/libxl/display/test_tls tests/unit/libxl/helper/test_display: $(TLS_PIC)
# On console_fixture.h.
ON_FIXTURE = $(addprefix tests/unit/console/,daemon/test_domains daemon/test_requests files/test_kills files/test_slow_disk $(addprefix guest/test_,console flow frontend refresh))
$(ON_FIXTURE): $(call fakes,fake_hv fake_store)
# xenconsoled with the places of fault.h, and logs that are soon full.
obj/faults/%.o: $(srcdir)/%.c
	@mkdir -p $(@D)
	$(COMPILE) -DXENQMP_FAULTS -DLOGFILE_MAX=16384 -c -o $@ $<
FAULTS := $(foreach r,$(CONSOLE_ROOMS),$(ROOM_$(r):obj/%=obj/faults/%))
OBJECTS += $(FAULTS) $(call fakes,fake_hv fake_qmp fake_store fake_systemd fault)
tests/unit/console/files/test_kills: $(filter-out %/domains.o %/main.o %/refresh.o %/server.o %/hv.o,$(FAULTS)) $(call fakes,fault)
WRAP_test_crew = -Wl,--wrap=stat
WRAP_test_flow = -Wl,--wrap=output_put
WRAP_test_logfile = -Wl,--wrap=rename
WRAP_test_out_save = -Wl,--wrap=write
WRAP_test_slow_disk = -Wl,--wrap=lstat -Wl,--wrap=write
WRAP_test_stream = -Wl,--wrap=write

tests/unit/xl/test_xl_qmp: bin/xl-qmp

# The library for libvirtd, with a stubdom.conf in the current directory.
tests/unit/libvirt/test_libvirt: | tests/unit/libvirt/libvirt-stubdom.so tests/unit/libvirt/libfake_libxl.so
LIBVIRT_TEST = $(LIBVIRT_OBJECTS:obj/pic/%=obj/libvirt-test/%)
OBJECTS += $(LIBVIRT_TEST) obj/pic/tests/unit/fake_libxl.o
obj/libvirt-test/%.o: $(srcdir)/%.c
	@mkdir -p $(@D)
	$(COMPILE) -fPIC -DSTUBDOM_CONF='"stubdom.conf"' -c -o $@ $<
tests/unit/libvirt/libvirt-stubdom.so: $(LIBVIRT_TEST)
	@mkdir -p $(@D)
	$(LIBVIRT_LINK)
tests/unit/libvirt/libfake_libxl.so: obj/pic/tests/unit/fake_libxl.o
	@mkdir -p $(@D)
	$(LINK) -shared -o $@ $^

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
$(eval $(call fuzz_target,console,$(filter-out %/domains.o %/main.o %/refresh.o %/server.o %/hv.o %/privileges.o,$(foreach r,$(CONSOLE_ROOMS) tools/common,$(ROOM_$(r)))) obj/libxl/qmp/buf.o $(call fakes,fake_hv fake_store),-Wl$(comma)--wrap=log_line$(comma)--wrap=log_limited $(SYSTEMD_LIBS) $(ZLIB_LIBS)))
$(eval $(call fuzz_target,framer,$(call objects,libxl/qmp,buf framer skim),))
$(eval $(call fuzz_target,link,$(call objects,libxl/link,frames link) obj/libxl/qmp/buf.o,))
$(eval $(call fuzz_target,message,$(ROOM_libxl/qmp),$(YAJL_LIBS)))
$(eval $(call fuzz_target,relay,obj/tools/stubdom/relay.o $(ROOM_libxl/qmp),$(YAJL_LIBS)))
$(eval $(call fuzz_target,rfb,$(call objects,libxl/display,rfb vncauth) obj/libxl/qmp/buf.o,$(NETTLE_LIBS)))
$(eval $(call fuzz_target,session,$(filter-out %/handshake.o,$(ROOM_libxl/client)) $(ROOM_libxl/qmp),$(XLQMP_LIBS)))

# Our programs with the patience for a machine that is very busy, where it must
# not be seen how busy it is.
PATIENCE = -DFILE_SLOW_MS=600000 -DGUEST_MS=600000 -DLAST_MS=600000 \
    -DWORKER_REPLY_LIMIT_MS=600000 -DWORKER_SAVE_BEGIN_MS=600000
patient = $(patsubst obj/%,obj/patient/%,$(1))
PATIENT_CONSOLED := $(call patient,$(ROOM_console/output))
PATIENT_WORKER := $(call patient,$(ROOM_libxl/worker))
PATIENT_HELPER := $(call patient,$(ROOM_libxl/helper)) $(PATIENT_WORKER)
OBJECTS += $(PATIENT_CONSOLED) $(PATIENT_HELPER)
obj/patient/%.o: $(srcdir)/%.c
	@mkdir -p $(@D)
	$(COMPILE) $(PATIENCE) -c -o $@ $<
tests/component/xenconsoled: $(PATIENT_CONSOLED) $(call archives,$(XENCONSOLED_ROOMS))
	@mkdir -p $(@D)
	$(LINK) -o $@ $(LINKED) $(XENCONSOLED_LIBS)
tests/component/qmp-helper: $(PATIENT_HELPER) $(call archives,$(HELPER_ROOMS))
	@mkdir -p $(@D)
	$(LINK) -o $@ $(LINKED) $(HELPER_LIBS)

# What tests of whole programs run beside them, with a patient worker; and the
# same with one that does not wait long for QEMU's replies, where they are not
# to come.
COMPONENTS = tests/component/qmp_stack tests/component/qmp_stack_short
SHORT := $(patsubst obj/%,obj/short/%,$(ROOM_libxl/worker))
QMP_STACK = $(call objects,tests/component,hvc qmp_stack) $(call objects,tests/xensim,guest host xensim)
OBJECTS += $(QMP_STACK) $(SHORT)
obj/short/%.o: $(srcdir)/%.c
	@mkdir -p $(@D)
	$(COMPILE) -DWORKER_REPLY_LIMIT_MS=3000 -c -o $@ $<
tests/component/qmp_stack: $(PATIENT_WORKER)
tests/component/qmp_stack_short: $(SHORT)
$(COMPONENTS): $(QMP_STACK) $(call archives,$(STUBDOMD_ROOMS) libxl/worker libxl/child libxl/qmp tools/common)
	@mkdir -p $(@D)
	$(LINK) -o $@ $(LINKED) $(HELPER_LIBS) $(ZLIB_LIBS)

# A simulated hypervisor, and tests of the real xenconsoled on it.
XENSIM = $(call objects,tests/xensim,guest hang host xensim)
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
$(foreach t,commands consoles drop_in ends guests hanging helper journal logs native ports scale starts stubdomd,$(eval $(call xensim_test,$(t))))
tests/component/consoles tests/component/logs: | tests/component/xenconsoled
tests/component/ends tests/component/helper: | tests/component/qmp-helper
$(XENSIM_TESTS): | bin/qmp-helper bin/stubdomd bin/xenconsoled bin/xl-qmp tests/xensim/libxensim.so
XENSIM_BENCHES = tests/bench/attacks tests/bench/consoles tests/bench/display tests/bench/guests tests/bench/restart
OBJECTS += $(XENSIM_BENCHES:%=obj/%.o)
$(XENSIM_BENCHES): %: obj/%.o $(XENSIM) $(call archives,libxl/link libxl/qmp)
	@mkdir -p $(@D)
	$(LINK) -o $@ $(LINKED) $(XENSTORE_LIBS) -Wl,--as-needed $(YAJL_LIBS)
XENSIM_TESTS_ALL = $(XENSIM_TESTS) tests/xensim/libxensim.so

unit-tests: $(UNIT_TESTS) $(FUZZ_REPLAYS)

# What the system tests boot: unpacked packages (kept), an installation of
# this build, and the images made of both.
INSTALLED = system/installed
sysroot/.complete: $(srcdir)/tests/system/sysroot
	$(srcdir)/tests/system/sysroot sysroot

SYSTEM_SOURCES = $(shell find $(srcdir)/tests/system -type f)
OBJECTS += obj/tests/bench/qmp_latency.o obj/tests/system/viewer.o
tests/system/viewer: obj/tests/system/viewer.o
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(VNCCLIENT_LIBS)
tests/bench/qmp_latency: obj/tests/bench/qmp_latency.o
	@mkdir -p $(@D)
	$(LINK) -o $@ $^
system/dom0.initrd: tests/bench/qmp_latency tests/system/viewer
system/dom0.initrd: sysroot/.complete $(SYSTEM_SOURCES) $(PROGRAMS) $(SCRIPTS) $(LIBRARIES)
	@[ "$(prefix)" = /usr ] || { echo "The system tests need a build configured with --prefix=/usr" >&2; exit 1; }
	rm -rf $(INSTALLED)
	+$(MAKE) --no-print-directory install DESTDIR=$(CURDIR)/$(INSTALLED) >system-install.log
	$(srcdir)/tests/system/image sysroot $(INSTALLED) system tests/bench/qmp_latency tests/system/viewer

# Every test, one line of counts; check-full adds the long ones in tests/full.
# In this order: what is over at once, then emulated machines, which tests/run
# deals out to the processors in turn: those that take longest first, and so
# that two processors are done at the same time. TESTS names some of them
# instead, by their file's name or path, with or without tests/, test_ and .t,
# or all of a folder; unit tests alone need nothing unpacked.
sources_tests = $(sort $(wildcard $(srcdir)/tests/$(1)/*.t))
LONGEST = $(addprefix $(srcdir)/tests/system/,worst.t devices.t lifecycle-c.t lifecycle-ocaml.t display.t pci.t hostile.t disks.t refusal.t)
CHECK = $(UNIT_TESTS) $(FUZZ_REPLAYS) $(LONGEST) \
    $(filter-out $(LONGEST),$(call sources_tests,system)) $(XENSIM_TESTS) \
    $(call sources_tests,component) $(call sources_tests,programs)
CHECK_FULL = $(call sources_tests,full) $(srcdir)/tests/mutate
named = $(or $(filter tests/$(1)/% $(srcdir)/tests/$(1)/%,$(CHECK)), \
    $(filter $(1) $(srcdir)/$(1) %/$(1) %/$(1).t %/test_$(1),$(CHECK) $(filter-out $(CHECK),$(CHECK_FULL))), \
    $(error There is no test $(1)))
CHOSEN = $(foreach test,$(TESTS),$(call named,$(test)))
ifneq ($(filter-out $(UNIT_TESTS) $(FUZZ_REPLAYS),$(or $(CHOSEN),all)),)
NEEDED = all unit-tests $(COMPONENTS) $(XENSIM_TESTS_ALL) system/dom0.initrd
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

# Which lines the unit tests run: in build/coverage, gcov's counters.
coverage/config.mk: $(srcdir)/configure $(srcdir)/VERSION config.mk
	@mkdir -p $(@D)
	cd $(@D) && $(srcdir)/configure CC='$(CC)' CFLAGS='-O0 --coverage -DXENQMP_COVERAGE'
coverage: coverage/config.mk
	+$(MAKE) -C coverage all unit-tests
	cd coverage && find . -name '*.gcda' -delete && \
	    XENQMP_BUILD=$(CURDIR)/coverage SRCDIR=$(srcdir) $(srcdir)/tests/run $(UNIT_TESTS)
	cd coverage && $(srcdir)/tests/coverage $(srcdir) $(ROOMS)

demo: all system/dom0.initrd
	XENQMP_BUILD=$(CURDIR) $(srcdir)/tests/system/demo

# Faults in a copy of the sources, each of which a test must see.
mutate: sysroot/.complete
	XENQMP_BUILD=$(CURDIR) SRCDIR=$(srcdir) $(srcdir)/tests/run $(srcdir)/tests/mutate

# Figures, as ratios to the stock set-up in the same run, and two pictures.
bench: all system/dom0.initrd $(XENSIM_BENCHES) $(COMPONENTS) tests/xensim/libxensim.so
	XENQMP_BUILD=$(CURDIR) tests/bench/consoles | $(srcdir)/tests/bench/plots tests/bench/consoles.svg
	XENQMP_BUILD=$(CURDIR) tests/bench/restart
	XENQMP_BUILD=$(CURDIR) SRCDIR=$(srcdir) tests/bench/guests
	XENQMP_BUILD=$(CURDIR) tests/bench/display
	XENQMP_BUILD=$(CURDIR) tests/bench/attacks
	XENQMP_BUILD=$(CURDIR) $(srcdir)/tests/bench/monitors
	XENQMP_BUILD=$(CURDIR) $(srcdir)/tests/bench/saves
	XENQMP_BUILD=$(CURDIR) $(srcdir)/tests/bench/create | $(srcdir)/tests/bench/plot_guest tests/bench/guest.svg
	XENQMP_BUILD=$(CURDIR) $(srcdir)/tests/bench/stubdomain
	XENQMP_BUILD=$(CURDIR) $(srcdir)/tests/bench/screen
	XENQMP_BUILD=$(CURDIR) $(srcdir)/tests/bench/pci

# The pictures of docs/, of which the README shows that of consoles.
bench-plots: bench
	cp tests/bench/consoles.svg tests/bench/guest.svg $(srcdir)/docs/

.PHONY: unit-tests check check-asan coverage check-full mutate demo bench bench-plots
