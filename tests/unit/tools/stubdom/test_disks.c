/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disks.c with a directory for /sys/block, a socket for the kernel's
 * uevents, and one for QEMU's monitor. */
#include "tools/stubdom/disks.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/common/log.h"
#include "tap.h"

static char dir[] = "/tmp/test_disks.XXXXXX";
static char sysfs[64], dev[64], monitor[64];
static struct loop loop;
static struct disks disks;
static int kernel, listener, qemu = -1;
static int connections;
/* The last command's descriptor. */
static int passed;

static const char *at(const char *fmt, const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), fmt, dir, name);
    return path;
}

static void connected(void *data)
{
    (void)data;
    connections++;
}

static void set_up(void)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int pair[2];

    check(mkdtemp(dir));
    snprintf(sysfs, sizeof(sysfs), "%s/block", dir);
    snprintf(dev, sizeof(dev), "%s/dev", dir);
    snprintf(monitor, sizeof(monitor), "%s/monitor", dir);
    check(!mkdir(sysfs, 0700) && !mkdir(dev, 0700));
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(addr.sun_path, monitor);
    check(!bind(listener, (struct sockaddr *)&addr, sizeof(addr)));
    check(!listen(listener, 1));
    check(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair));
    kernel = pair[0];
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
    check(!loop_init(&loop));
    disks = (struct disks){
        .loop = &loop, .sysfs = sysfs, .dev = dev, .uevents = pair[1],
        .connected = connected,
    };
}

static void tear_down(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -r %s", dir);
    check_int(system(command), 0);
}

static void plug_in(const char *name, const char *target)
{
    int fd = open(at("%s/dev/%s", name), O_WRONLY | O_CREAT, 0600);

    check_int(write(fd, name, strlen(name)), strlen(name));
    close(fd);
    check(!symlink(target, at("%s/block/%s", name)));
}

static void unplug(const char *name)
{
    check(!unlink(at("%s/dev/%s", name)));
    check(!unlink(at("%s/block/%s", name)));
}

/* What the loop does until it has nothing to do. */
static void settle(void)
{
    for (int i = 0; i < 10; i++)
        check(!loop_run_once(&loop, 0));
}

static void uevent(const char *text)
{
    check(write(kernel, text, strlen(text) + 1) > 0);
}

/* The next command, as QEMU has it; "" if there is none. */
static const char *command(void)
{
    static char text[512];
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec iov = { text, sizeof(text) - 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof(control) };
    struct cmsghdr *head;
    ssize_t n;

    settle();
    n = recvmsg(qemu, &msg, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = '\0';
    passed = -1;
    head = CMSG_FIRSTHDR(&msg);
    if (n > 0 && head)
        memcpy(&passed, CMSG_DATA(head), sizeof(int));
    return text;
}

static void reply(const char *text)
{
    check(write(qemu, text, strlen(text)) > 0);
}

#define RETURN "{\"return\": {}}\r\n"
#define ERROR  "{\"error\": {\"class\": \"GenericError\", " \
               "\"desc\": \"no\"}}\r\n"

static void check_add(const char *devid, const char *fdset,
                      const char *content)
{
    char wanted[256], is[64];

    snprintf(wanted, sizeof(wanted), "{\"execute\": \"add-fd\", "
             "\"arguments\": {\"fdset-id\": %s, \"opaque\": "
             "\"stub-devid:%s\"}}\n", fdset, devid);
    check_str(command(), wanted);
    check_int(fcntl(passed, F_GETFL) & O_ACCMODE, O_RDONLY);
    check_mem(is, (size_t)read(passed, is, sizeof(is)), content,
              strlen(content));
    close(passed);
}

static void check_remove(const char *fdset)
{
    char wanted[256];

    snprintf(wanted, sizeof(wanted), "{\"execute\": \"remove-fd\", "
             "\"arguments\": {\"fdset-id\": %s}}\n", fdset);
    check_str(command(), wanted);
    check_int(passed, -1);
}

static void qemu_accept(void)
{
    settle();
    qemu = accept(listener, NULL, NULL);
    check(qemu >= 0);
    reply("{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n");
    check_str(command(), "{\"execute\": \"qmp_capabilities\"}\n");
    check_str(command(), "");
    reply(RETURN);
}

static void start(void)
{
    set_up();
    check(!disks_start(&disks, monitor));
    qemu_accept();
    check_int(connections, 1);
}

#define XVDC      "../devices/vbd-5632/block/xvdc"
#define XVDC_SET  "1073747456"
#define XVDC_ADDED   "add@/devices/vbd-5632/block/xvdc"
#define XVDC_REMOVED "remove@/devices/vbd-5632/block/xvdc"

TEST(disks_are_known_by_their_paths)
{
    char name[32];
    int devid;

    check(disks_parse_path(XVDC, &devid, name));
    check_int(devid, 5632);
    check_str(name, "xvdc");
    check(disks_parse_path(XVDC_ADDED, &devid, name));
    check(disks_parse_path("../devices/vbd-268439552/block/xvdaa", &devid,
                           name));
    check_int(devid, 268439552);
    check(!disks_parse_path(XVDC "/xvdc1", &devid, name));
    check(!disks_parse_path("../devices/virtual/block/loop0", &devid, name));
    check(!disks_parse_path("../devices/vbd-/block/xvdc", &devid, name));
    check(!disks_parse_path("../devices/vbd--1/block/xvdc", &devid, name));
    check(!disks_parse_path("../devices/vbd-9999999999/block/x", &devid,
                            name));
    check(!disks_parse_path("/devices/vbd-1", &devid, name));
    check(!disks_parse_path("", &devid, name));
}

TEST(a_disk_has_an_fdset_for_as_long_as_it_is_there)
{
    start();
    plug_in("xvdc", XVDC);
    uevent(XVDC_ADDED);
    check_add("5632", XVDC_SET, "xvdc");
    uevent("change@/devices/vbd-5632/block/xvdc");
    check_str(command(), "");
    reply(RETURN);
    check_str(command(), "");
    unplug("xvdc");
    uevent(XVDC_REMOVED);
    check_remove(XVDC_SET);
    /* libxl had removed it. */
    reply(ERROR);
    check_str(command(), "");
    tear_down();
}

TEST(commands_go_one_by_one)
{
    set_up();
    plug_in("xvda", "../devices/vbd-51712/block/xvda");
    plug_in("xvdb", "../devices/vbd-51728/block/xvdb");
    check(!disks_start(&disks, monitor));
    qemu_accept();
    check(strstr(command(), "add-fd"));
    check_str(command(), "");
    reply("{\"event\": \"RESUME\", \"timestamp\": {}}\r\n");
    check_str(command(), "");
    reply(ERROR);               /* the next one does not suffer */
    check(strstr(command(), "add-fd"));
    reply(RETURN);
    check_str(command(), "");
    tear_down();
}

TEST(a_successor_is_another_disk)
{
    start();
    plug_in("xvdc", XVDC);
    uevent(XVDC_ADDED);
    check_add("5632", XVDC_SET, "xvdc");
    reply(RETURN);
    unplug("xvdc");
    plug_in("xvdd", "../devices/vbd-5632/block/xvdd");
    uevent(XVDC_REMOVED);
    check_remove(XVDC_SET);
    reply(RETURN);
    check_add("5632", XVDC_SET, "xvdd");
    tear_down();
}

TEST(what_the_kernel_could_not_tell_is_seen)
{
    start();
    plug_in("xvdc", XVDC);
    uevent("add@/devices/virtual/mem/null");
    check_add("5632", XVDC_SET, "xvdc");
    reply(RETURN);
    unplug("xvdc");
    uevent("add@/devices/virtual/mem/null");
    check_remove(XVDC_SET);
    tear_down();
}

TEST(a_disk_that_cannot_be_opened_stops_no_other)
{
    start();
    plug_in("xvdb", "../devices/vbd-51728/block/xvdb");
    check(!unlink(at("%s/dev/%s", "xvdb")));
    plug_in("xvdc", XVDC);
    uevent(XVDC_ADDED);
    check_add("5632", XVDC_SET, "xvdc");
    reply(RETURN);
    check_str(command(), "");
    tear_down();
}

TEST(a_disk_that_is_seen_before_it_is_made_is_taken_then)
{
    char later[64];

    start();
    snprintf(later, sizeof(later), "%s/later", dir);
    /* Twice: the second is the first's successor. */
    for (int i = 0; i < 2; i++) {
        plug_in("xvdc", XVDC);
        check(!rename(at("%s/dev/%s", "xvdc"), later));
        uevent("add@/devices/vbd-5632");
        check_str(command(), "");
        check(!rename(later, at("%s/dev/%s", "xvdc")));
        uevent(XVDC_ADDED);
        check_add("5632", XVDC_SET, "xvdc");
        reply(RETURN);
        unplug("xvdc");
        uevent(XVDC_REMOVED);
        check_remove(XVDC_SET);
        reply(RETURN);
    }
    tear_down();
}

TEST(a_monitor_that_was_lost_is_given_all_again)
{
    start();
    plug_in("xvdc", XVDC);
    uevent(XVDC_ADDED);
    check_add("5632", XVDC_SET, "xvdc");
    close(qemu);                /* without a reply */
    qemu_accept();
    check_int(connections, 2);
    /* It may be the QEMU that has the set. */
    check_remove(XVDC_SET);
    reply(ERROR);
    check_add("5632", XVDC_SET, "xvdc");
    reply(RETURN);
    check_str(command(), "");
    tear_down();
}

TEST(the_kernels_uevents_can_be_had)
{
    int fd = disks_uevents_open();

    check(fd >= 0);
    check(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* --- Before QEMU starts ------------------------------------------------ */

static unsigned int sleeps, comes_at;

/* In libc's place: the disk comes meanwhile. */
int usleep(useconds_t us)
{
    check(us > 0);
    if (++sleeps == comes_at)
        check(!symlink("/dev/null", at("%s/dev/%s", "xvdb")));
    return 0;
}

static void wait_for(const char *argument)
{
    static const char *const argv[] = { "-drive", "if=none,id=x" };
    struct arguments arguments = { .n = 0 };
    char here[128];

    snprintf(here, sizeof(here), argument, dev);
    sleeps = 0;
    check(!arguments_add(&arguments, argv[0]) &&
          !arguments_add(&arguments, argv[1]) &&
          !arguments_add(&arguments, here));
    disks_wait(&arguments, dev, 100);
    arguments_dispose(&arguments);
}

TEST(qemu_does_not_start_before_its_disks_are_there)
{
    set_up();
    comes_at = 3;
    wait_for("file=%s/xvdb,if=ide,index=1,media=disk");
    check_int(sleeps, 3);
    wait_for("if=none,id=ahcidisk-0,file=%s/xvdb");
    check_int(sleeps, 0);
    tear_down();
}

TEST(it_starts_all_the_same_without_a_disk_that_does_not_come)
{
    set_up();
    comes_at = 0;
    wait_for("file=%s/xvdb,if=ide,index=1,media=disk");
    check_int(sleeps, 19);
    /* Not a PV disk's. */
    wait_for("file=%s/fdset/1,if=ide");
    check_int(sleeps, 0);
    tear_down();
}

TAP_MAIN()
