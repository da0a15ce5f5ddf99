/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What qmp-helper does in xenstore: helper/console.c, helper/consoles.c,
 * helper/channels.c, helper/devices.c, helper/pids.c, helper/serial.c,
 * helper/store.c. */
#include "libxl/helper/channels.h"
#include "libxl/helper/console.h"
#include "libxl/helper/consoles.h"
#include "libxl/helper/devices.h"
#include "libxl/helper/pids.h"
#include "libxl/helper/serial.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "fake_store.h"
#include "tools/common/log.h"
#include "tap.h"

#define GUEST 5
#define DM    6

static void set(unsigned int owner, const char *value, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void set(unsigned int owner, const char *value, const char *fmt, ...)
{
    char path[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(path, sizeof(path), fmt, ap);
    va_end(ap);
    fake_store_set(path, value, owner);
}

/* "" for a node that is not there: no key that matters here is empty. */
static const char *get(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
static const char *get(const char *fmt, ...)
{
    char path[256];
    const char *value;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(path, sizeof(path), fmt, ap);
    va_end(ap);
    value = fake_store_get(path);
    return value ? value : "";
}

/* As libxl__device_console_add() leaves it: the directory is the guest's,
 * the keys that count are dom0's. */
static void add_console(unsigned int domid, int n, const char *output)
{
    set(domid, "", CONSOLE_FRONTEND, domid, n);
    set(domid, "1", CONSOLE_FRONTEND "/state", domid, n);
    set(0, "ioemu", CONSOLE_FRONTEND "/type", domid, n);
    set(0, "", CONSOLE_FRONTEND "/tty", domid, n);
    if (output)
        set(0, output, CONSOLE_FRONTEND "/output", domid, n);
    set(0, "", CONSOLE_BACKEND, domid, n);
    set(0, "1", CONSOLE_BACKEND "/state", domid, n);
    set(0, "1", "/libxl/%u/device/console/%d/state", domid, n);
}

static void add_stubdomain(void)
{
    set(0, "/vm/u", "/local/domain/%d/vm", GUEST);
    set(0, "ioemu", "/local/domain/%d/console/type", DM);
    add_console(DM, 1, "file:/var/lib/xen/qemu-save.5");
    add_console(DM, 2, NULL);
}

static void add_argument(int n, const char *value)
{
    set(0, value, "/vm/u/image/dm-argv/%03d", n);
}

static void add_channel(int n, const char *name, const char *connection,
                        const char *path)
{
    add_console(GUEST, n, "ioemu's");
    set(0, name, CONSOLE_BACKEND "/name", GUEST, n);
    set(0, connection, CONSOLE_BACKEND "/connection", GUEST, n);
    if (path)
        set(0, path, CONSOLE_BACKEND "/path", GUEST, n);
}

static void silence(void)
{
    check(freopen("/dev/null", "w", stderr) != NULL);
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
}

static int edit(void)
{
    return consoles_edit(fake_store, GUEST, DM, "/run/xenqmp/6", 1006, 0);
}

TEST(qmp_becomes_console_3)
{
    add_stubdomain();
    check_int(edit(), 0);
    check_str(get(CONSOLE_BACKEND "/type", DM, 3), "xenconsoled");
    check_str(get(CONSOLE_BACKEND "/output", DM, 3),
              "unix:/run/xenqmp/6/console-3,uid=1006");
    check_str(get(CONSOLE_FRONTEND "/state", DM, 3), "1");
    check_str(get(CONSOLE_FRONTEND "/backend", DM, 3),
              "/local/domain/0/backend/console/6/3");
    /* By its own entry, libxl removes what the helper made. */
    check_str(get("/libxl/6/device/console/3/backend"),
              "/local/domain/0/backend/console/6/3");
    check_str(get("/local/domain/6/console/type"), "xenconsoled");
}

TEST(state_consoles_keep_libxls_outputs)
{
    add_stubdomain();
    set(0, "pipe:/var/lib/xen/qemu-resume.5", CONSOLE_FRONTEND "/output",
        DM, 2);
    check_int(edit(), 0);
    check_str(get(CONSOLE_BACKEND "/output", DM, 1),
              "file:/var/lib/xen/qemu-save.5");
    check_str(get(CONSOLE_BACKEND "/policy", DM, 1), "save");
    check_str(get(CONSOLE_BACKEND "/output", DM, 2),
              "pipe:/var/lib/xen/qemu-resume.5");
    check_str(get(CONSOLE_BACKEND "/policy", DM, 2), "request");
}

TEST(an_output_of_the_stubdomains_own_does_not_count)
{
    add_stubdomain();
    set(DM, "pipe:/etc/shadow", CONSOLE_FRONTEND "/output", DM, 2);
    check_int(edit(), 0);
    check_str(get(CONSOLE_BACKEND "/output", DM, 2), "null");
    check_str(get(CONSOLE_BACKEND "/policy", DM, 2), "");
}

TEST(serial_ports_move_up_by_one)
{
    add_stubdomain();
    add_console(DM, 3, "pty");
    add_console(DM, 4, "file:/var/log/guest.log");
    add_console(DM, 5, NULL);
    add_argument(1, "-serial");
    add_argument(2, "/dev/hvc3");
    add_argument(3, "/dev/hvc4");
    add_argument(4, "/dev/hvc5");
    add_argument(5, "/dev/hvc33333");
    add_argument(6, "/dev/hvc3x");
    add_argument(7, "/dev/hvc1");
    check_int(edit(), 3);
    check_str(get(CONSOLE_BACKEND "/output", DM, 4), "pty");
    check_str(get(CONSOLE_BACKEND "/output", DM, 5),
              "file:/var/log/guest.log");
    check_str(get(CONSOLE_BACKEND "/output", DM, 6), "pty");
    check_str(get(CONSOLE_BACKEND "/type", DM, 6), "xenconsoled");
    check_str(get("/libxl/6/device/console/6/frontend"),
              "/local/domain/6/device/console/6");
    check_str(get("/vm/u/image/dm-argv/002"), "/dev/hvc4");
    check_str(get("/vm/u/image/dm-argv/003"), "/dev/hvc5");
    check_str(get("/vm/u/image/dm-argv/004"), "/dev/hvc6");
    check_str(get("/vm/u/image/dm-argv/005"), "/dev/hvc33333");
    check_str(get("/vm/u/image/dm-argv/006"), "/dev/hvc3x");
    check_str(get("/vm/u/image/dm-argv/007"), "/dev/hvc1");
}

TEST(too_many_or_unservable_serial_ports_change_nothing)
{
    silence();
    add_stubdomain();
    for (int n = 3; n < 8; n++)
        add_console(DM, n, "pty");
    check_int(edit(), -1);
    fake_store_remove("/local/domain/0/backend/console/6/7");
    set(0, "tcp:localhost:4444", CONSOLE_FRONTEND "/output", DM, 4);
    check_int(edit(), -1);
    check_str(get(CONSOLE_BACKEND "/type", DM, 3), "");
    check_str(get(CONSOLE_FRONTEND "/type", DM, 3), "ioemu");
    check_str(get(CONSOLE_BACKEND "/frontend", DM, 7), "");
}

static char said[512];

static bool keep(const char *program, int priority, const char *line)
{
    (void)program, (void)priority;
    snprintf(said, sizeof(said), "%s", line);
    return true;
}

/* hvc7 is the display's, or the fourth port's. */
TEST(beside_a_display_there_are_three_serial_ports)
{
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
    log_divert(keep);
    add_stubdomain();
    for (int n = 3; n < 7; n++)
        add_console(DM, n, "pty");
    check_int(consoles_edit(fake_store, GUEST, DM, "/run/xenqmp/6", 1006,
                            1008), -1);
    check_str(said, "domain 5 has 4 serial ports, but a stubdomain carries 3 "
              "at most beside a display: shorten serial=[...] in its "
              "configuration");
    check_str(get(CONSOLE_BACKEND "/frontend", DM, 8), "");
    check_str(get(CONSOLE_BACKEND "/type", DM, 3), "");
    fake_store_remove("/local/domain/0/backend/console/6/6");
    check_int(consoles_edit(fake_store, GUEST, DM, "/run/xenqmp/6", 1006,
                            1008), 3);
    check_str(get(CONSOLE_BACKEND "/output", DM, 6), "pty");
    check_str(get(CONSOLE_BACKEND "/frontend", DM, 7), "");
    check_str(get(CONSOLE_BACKEND "/output", DM, 8),
              "unix:/run/xenqmp/6/console-8,uid=1008");
}

TEST(another_writer_does_not_spoil_the_edit)
{
    add_stubdomain();
    add_console(DM, 3, "pty");
    add_argument(1, "/dev/hvc3");
    fake_store_collide(3);
    check_int(edit(), 1);
    check_str(get("/vm/u/image/dm-argv/001"), "/dev/hvc4");
    check_str(get(CONSOLE_BACKEND "/type", DM, 4), "xenconsoled");
    check_str(get(CONSOLE_BACKEND "/type", DM, 5), "");
}

TEST(a_store_that_always_collides_is_given_up)
{
    silence();
    add_stubdomain();
    fake_store_collide(1000000);
    check_int(edit(), -1);
}

static struct serial serial_make(void)
{
    add_stubdomain();
    add_console(DM, 3, "pty");
    add_console(DM, 4, "pty");
    return (struct serial){ .xs = fake_store, .guest = GUEST, .dm = DM,
                            .ports = edit() };
}

/* Passed on, console 3 and the ports say this. */
static void check_ports(struct serial *serial, const char *console,
                        const char *first, const char *second)
{
    for (int i = 0; i < serial->ports; i++)
        serial_forward(serial, i, true);
    check_str(get(CONSOLE_FRONTEND "/tty", DM, 3), console);
    check_str(get("/local/domain/5/serial/0/tty"), first);
    check_str(get("/local/domain/5/serial/1/tty"), second);
}

TEST(the_first_serial_ports_pty_is_known_as_console_3s)
{
    struct serial serial = serial_make();

    serial_forward(&serial, 0, true);
    check(!fake_store_get("/local/domain/5/serial/0/tty"));
    set(0, "/dev/pts/7", CONSOLE_FRONTEND "/tty", DM, 4);
    check_ports(&serial, "/dev/pts/7", "/dev/pts/7", "");
    /* Its next terminal; and none. */
    set(0, "/dev/pts/9", CONSOLE_FRONTEND "/tty", DM, 4);
    set(0, "/dev/pts/8", CONSOLE_FRONTEND "/tty", DM, 5);
    check_ports(&serial, "/dev/pts/9", "/dev/pts/9", "/dev/pts/8");
    set(0, "", CONSOLE_FRONTEND "/tty", DM, 4);
    check_ports(&serial, "", "", "/dev/pts/8");
}

/* What a stubdomain writes is not passed on, and from when on it does, what
 * was passed on before is as good as a lie. */
TEST(a_stubdomain_names_no_terminal)
{
    struct serial serial = serial_make();

    set(0, "/dev/pts/7", CONSOLE_FRONTEND "/tty", DM, 4);
    set(DM, "/etc/shadow", CONSOLE_FRONTEND "/tty", DM, 5);
    check_ports(&serial, "/dev/pts/7", "/dev/pts/7", "");
    set(DM, "/dev/pts/1", CONSOLE_FRONTEND "/tty", DM, 4);
    check_ports(&serial, "", "", "");
    set(0, "/dev/pts/7", CONSOLE_FRONTEND "/tty", DM, 4);
    check_ports(&serial, "/dev/pts/7", "/dev/pts/7", "");
    fake_store_remove("/local/domain/6/device/console/4");
    check_ports(&serial, "", "", "");
    /* Nor is what it made of console 3's touched. */
    set(0, "/dev/pts/7", CONSOLE_FRONTEND "/tty", DM, 4);
    set(DM, "/dev/pts/1", CONSOLE_FRONTEND "/tty", DM, 3);
    check_ports(&serial, "/dev/pts/1", "/dev/pts/7", "");
    fake_store_remove("/local/domain/6/device/console/3");
    check_ports(&serial, "", "/dev/pts/7", "");
    check(!fake_store_get("/local/domain/6/device/console/3/tty"));
}

TEST(no_terminal_is_named_whose_daemon_has_gone)
{
    struct serial serial = serial_make();

    set(0, "/dev/pts/7", CONSOLE_FRONTEND "/tty", DM, 4);
    set(0, "/dev/pts/8", CONSOLE_FRONTEND "/tty", DM, 5);
    check_ports(&serial, "/dev/pts/7", "/dev/pts/7", "/dev/pts/8");
    serial_withdraw(&serial);
    check_str(get(CONSOLE_FRONTEND "/tty", DM, 3), "");
    check_str(get("/local/domain/5/serial/0/tty"), "");
    check_str(get("/local/domain/5/serial/1/tty"), "");
    check_str(get(CONSOLE_FRONTEND "/tty", DM, 4), "/dev/pts/7");
}

/* A libxl with the patches knows where the port is. */
TEST(console_3_stays_qmps_where_libxl_knows_of_it)
{
    struct serial serial = serial_make();

    set(0, "console", "/libxl/5/stubdom-transport");
    set(0, "/dev/pts/7", CONSOLE_FRONTEND "/tty", DM, 4);
    check_ports(&serial, "", "/dev/pts/7", "");
}

static int check_native(void)
{
    return consoles_check(fake_store, GUEST, DM, "/run/xenqmp/6", 1006);
}

/* Where libxl makes the consoles, it has said what console 3 is. */
TEST(what_libxl_has_made_of_console_3_is_not_rewritten)
{
    set(0, "unix:/run/xenqmp/6/console-3,uid=1006",
        CONSOLE_BACKEND "/output", DM, 3);
    add_console(DM, 4, "pty");
    add_console(DM, 5, "pty");
    check_int(check_native(), 2);
    check_str(get(CONSOLE_BACKEND "/type", DM, 3), "");
}

TEST(a_libxl_that_connects_console_3_elsewhere_is_refused)
{
    silence();
    check_int(check_native(), -1);
    set(0, "null", CONSOLE_BACKEND "/output", DM, 3);
    check_int(check_native(), -1);
    set(0, "unix:/run/xenqmp/6/console-3,uid=1007",
        CONSOLE_BACKEND "/output", DM, 3);
    check_int(check_native(), -1);
    check_str(get(CONSOLE_BACKEND "/output", DM, 3),
              "unix:/run/xenqmp/6/console-3,uid=1007");
}

TEST(channels_are_given_to_xenconsoled)
{
    add_channel(1, "one", "pty", NULL);
    add_channel(2, "two", "socket", "/run/two.sock");
    add_console(GUEST, 3, "pty");               /* not a channel */
    check_int(channels_edit(fake_store, GUEST), 2);
    check_str(get(CONSOLE_BACKEND "/type", GUEST, 1), "xenconsoled");
    check_str(get(CONSOLE_BACKEND "/output", GUEST, 1), "pty");
    check_str(get(CONSOLE_BACKEND "/output", GUEST, 2),
              "unix:/run/two.sock");
    check_str(get(CONSOLE_FRONTEND "/type", GUEST, 2), "xenconsoled");
    check_str(get(CONSOLE_BACKEND "/type", GUEST, 3), "");
}

TEST(a_channel_that_cannot_be_served_is_refused)
{
    silence();
    add_channel(1, "one", "pty", NULL);
    add_channel(2, "two", "socket", "/run/a,uid=0");
    check_int(channels_edit(fake_store, GUEST), -1);
    check_str(get(CONSOLE_BACKEND "/type", GUEST, 1), "");
    set(0, "relative", CONSOLE_BACKEND "/path", GUEST, 2);
    check_int(channels_edit(fake_store, GUEST), -1);
    set(0, "telnet", CONSOLE_BACKEND "/connection", GUEST, 2);
    check_int(channels_edit(fake_store, GUEST), -1);
}

TEST(a_stubdomains_guest_keeps_its_channels)
{
    add_stubdomain();
    add_argument(1, "-chardev");
    add_argument(2, "socket,id=libxl-channel0,path=/run/x,server=on");
    add_argument(3, "pty,id=libxl-channel12");
    add_argument(4, "socket,id=libxl-cmd,fd=3");
    check_int(edit(), 0);
    check_str(get("/vm/u/image/dm-argv/002"), "null,id=libxl-channel0");
    check_str(get("/vm/u/image/dm-argv/003"), "null,id=libxl-channel12");
    check_str(get("/vm/u/image/dm-argv/004"), "socket,id=libxl-cmd,fd=3");
}

static void add_device(const char *kind, const char *backend, int devid,
                       const char *params)
{
    set(DM, "1", "/local/domain/6/device/%s/%d/state", kind, devid);
    set(DM, "", "/local/domain/6/device/%s/%d", kind, devid);
    set(0, "1", "/libxl/6/device/%s/%d/state", kind, devid);
    set(0, "", "/libxl/6/device/%s/%d", kind, devid);
    set(0, "", "/local/domain/0/backend/%s/6", backend);
    set(0, "", "/local/domain/0/backend/%s/6/%d", backend, devid);
    if (params)
        set(0, params, "/local/domain/0/backend/%s/6/%d/params", backend,
            devid);
}

TEST(frontends_that_nobody_would_serve_go)
{
    silence();
    add_device("vfb", "vfb", 0, NULL);
    add_device("vkbd", "vkbd", 0, NULL);
    add_device("vbd", "qdisk", 5632, "aio:");
    add_device("vbd", "vbd", 768, "/dev/loop0");
    devices_prune(fake_store, DM, false);
    check_str(get("/local/domain/6/device/vfb/0/state"), "");
    check_str(get("/libxl/6/device/vkbd/0/state"), "");
    check_str(get("/local/domain/6/device/vbd/5632/state"), "");
    check(!fake_store_get("/local/domain/0/backend/vfb/6"));
    check(!fake_store_get("/local/domain/0/backend/vkbd/6"));
    check(!fake_store_get("/local/domain/0/backend/qdisk/6"));
    check_str(get("/local/domain/6/device/vbd/768/state"), "1");
    check(!devices_need_qemu(fake_store, DM));
}

TEST(a_disk_image_needs_qemu)
{
    add_device("vbd", "qdisk", 5632, NULL);
    add_device("vbd", "qdisk", 768, "qcow2:/images/a.qcow2");
    devices_prune(fake_store, DM, false);
    check_str(devices_need_qemu(fake_store, DM), "qdisk");
    check_str(get("/local/domain/6/device/vbd/768/state"), "1");
    check_str(get("/local/domain/6/device/vbd/5632/state"), "");
}

TEST(no_pid_of_ours_stays_behind)
{
    char own[16];

    check_int(pids_proxy(fake_store, DM), 0);
    set(0, "4711", "/local/domain/6/image/qmp-proxy-pid");
    check_int(pids_proxy(fake_store, DM), 4711);
    check(pids_replace_proxy(fake_store, DM));
    check_int(pids_proxy(fake_store, DM), getpid());
    snprintf(own, sizeof(own), "%d", (int)getpid());
    set(0, own, "/local/domain/6/image/device-model-pid");
    pids_forget(fake_store, DM);
    check_str(get("/local/domain/6/image/qmp-proxy-pid"), "");
    check_str(get("/local/domain/6/image/device-model-pid"), "");
}

/* Of a helper that another has replaced, or that came to nothing before it
 * had taken the proxy's place. */
TEST(anothers_pid_stays)
{
    char own[16];

    set(0, "1", "/local/domain/6/image/qmp-proxy-pid");
    set(0, "1", "/local/domain/6/image/device-model-pid");
    set(0, "running", "/local/domain/0/device-model/6/state");
    pids_forget(fake_store, DM);
    check_str(get("/local/domain/6/image/qmp-proxy-pid"), "1");
    check_str(get("/local/domain/6/image/device-model-pid"), "1");
    check_str(get("/local/domain/0/device-model/6/state"), "running");
    /* Each for itself. */
    snprintf(own, sizeof(own), "%d", (int)getpid());
    set(0, own, "/local/domain/6/image/device-model-pid");
    pids_forget(fake_store, DM);
    check_str(get("/local/domain/6/image/qmp-proxy-pid"), "1");
    check_str(get("/local/domain/6/image/device-model-pid"), "");
    check_str(get("/local/domain/0/device-model/6/state"), "");
    set(0, own, "/local/domain/6/image/qmp-proxy-pid");
    set(0, "1", "/local/domain/6/image/device-model-pid");
    set(0, "running", "/local/domain/0/device-model/6/state");
    pids_forget(fake_store, DM);
    check_str(get("/local/domain/6/image/qmp-proxy-pid"), "");
    check_str(get("/local/domain/6/image/device-model-pid"), "1");
    check_str(get("/local/domain/0/device-model/6/state"), "running");
    /* One that a stubdomain has put there is none. */
    set(DM, own, "/local/domain/6/image/device-model-pid");
    pids_forget(fake_store, DM);
    check_str(get("/local/domain/6/image/device-model-pid"), own);
}

TEST(a_pid_that_is_none_is_not_signalled)
{
    static const char *const texts[] = { "-1", "0", "x", "12x",
                                         "99999999999" };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        set(0, texts[i], "/local/domain/6/image/qmp-proxy-pid");
        check_int(pids_proxy(fake_store, DM), 0);
    }
    set(DM, "4711", "/local/domain/6/image/qmp-proxy-pid");
    check_int(pids_proxy(fake_store, DM), 0);
}

TAP_MAIN()
