/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/stubdom/pci.h"

#include "fake_store.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKEND "/local/domain/0/backend/pci/6/0"

static char dir[] = "/tmp/test_pci.XXXXXX";
static struct loop loop;
static unsigned int loads, sleeps;
static int driver;              /* what load() says */

static int load(void)
{
    loads++;
    return driver;
}

/* In libc's place: the driver connects meanwhile. */
int usleep(useconds_t us)
{
    check(us > 0);
    if (++sleeps == 3)
        fake_store_set("device/pci/0/state", "4", 0);
    return 0;
}

static struct pci pci = {
    .loop = &loop, .links = dir, .devices = "/sys/devices/pci-0",
    .load = load,
};

static void start(void)
{
    check(mkdtemp(dir));
    check(!loop_init(&loop));
    pci.xs = fake_store;
}

static void device(unsigned int n, const char *host, const char *here)
{
    char path[96];

    snprintf(path, sizeof(path), BACKEND "/dev-%u", n);
    fake_store_set(path, host, 0);
    snprintf(path, sizeof(path), BACKEND "/vdev-%u", n);
    fake_store_set(path, here, 0);
}

/* "" if there is none. */
static const char *link_at(const char *name)
{
    static char target[256];
    char path[256];
    ssize_t n;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    n = readlink(path, target, sizeof(target) - 1);
    target[n > 0 ? n : 0] = '\0';
    return target;
}

static void finish(void)
{
    fake_store_set(BACKEND "/num_devs", "0", 0);
    pci_follow(&pci);
    check(!rmdir(dir));
}

TEST(devices_are_found_under_the_hosts_addresses)
{
    start();
    pci_follow(&pci);
    check_int(loads, 0);        /* who has no device needs no driver */
    fake_store_set("device/pci/0/backend", BACKEND, 0);
    device(0, "0000:03:00.0", "0000:00:00.00");
    device(1, "0001:83:1f.07", "0000:00:01.07");
    fake_store_set(BACKEND "/num_devs", "2", 0);
    pci_follow(&pci);
    check_int(loads, 1);
    check_int(pci.devices_n, 2);
    check_str(link_at("0000:03:00.0"),
              "/sys/devices/pci-0/pci0000:00/0000:00:00.0");
    check_str(link_at("0001:83:1f.7"),
              "/sys/devices/pci-0/pci0000:00/0000:00:01.7");
    finish();
}

TEST(what_xenstore_has_said_counts_before_the_loop_hears_it)
{
    unsigned int requests;

    start();
    check(xs_watch(fake_store, "device/pci/0", "frontend"));
    fake_store_set("device/pci/0/backend", BACKEND, 0);
    device(0, "0000:03:00.0", "0000:00:00.00");
    fake_store_set(BACKEND "/num_devs", "1", 0);
    pci_catch_up(&pci);
    check_int(pci.devices_n, 1);
    /* Nothing new costs nothing. */
    while (xs_check_watch(fake_store))
        continue;
    requests = fake_store_requests();
    pci_catch_up(&pci);
    check_int(fake_store_requests(), requests);
    finish();
}

TEST(a_device_that_goes_takes_its_link_along)
{
    start();
    fake_store_set("device/pci/0/backend", BACKEND, 0);
    device(0, "0000:03:00.0", "0000:00:00.00");
    device(1, "0000:04:00.0", "0000:00:01.00");
    fake_store_set(BACKEND "/num_devs", "2", 0);
    pci_follow(&pci);
    /* libxl moves the second one up; another takes the first one's slot. */
    device(0, "0000:04:00.0", "0000:00:01.00");
    device(1, "0000:05:00.0", "0000:00:00.00");
    pci_follow(&pci);
    check_str(link_at("0000:03:00.0"), "");
    check_str(link_at("0000:04:00.0"),
              "/sys/devices/pci-0/pci0000:00/0000:00:01.0");
    check_str(link_at("0000:05:00.0"),
              "/sys/devices/pci-0/pci0000:00/0000:00:00.0");
    check_int(loads, 1);
    finish();
}

TEST(qemu_is_asked_for_nothing_that_the_driver_has_not_found_yet)
{
    start();
    fake_store_set("device/pci/0/state", "1", 0);
    fake_store_set("device/pci/0/backend", BACKEND, 0);
    pci_follow(&pci);
    check_int(sleeps, 3);
    pci_follow(&pci);
    check_int(sleeps, 3);
    /* All were taken away, and one comes back: the driver is there. */
    fake_store_remove("device/pci/0");
    pci_follow(&pci);
    sleeps = 0;
    fake_store_set("device/pci/0/state", "3", 0);
    fake_store_set("device/pci/0/backend", BACKEND, 0);
    pci_follow(&pci);
    check_int(sleeps, 3);
    check_int(loads, 1);
    finish();
}

TEST(a_driver_that_is_missing_is_not_waited_for)
{
    start();
    driver = -1;
    fake_store_set("device/pci/0/state", "1", 0);
    fake_store_set("device/pci/0/backend", BACKEND, 0);
    pci_follow(&pci);
    check_int(sleeps, 0);
    finish();
}

TEST(a_driver_that_does_not_connect_is_waited_for_ten_seconds)
{
    start();
    sleeps = 3;                 /* beyond the one at which it connects */
    fake_store_set("device/pci/0/state", "3", 0);
    fake_store_set("device/pci/0/backend", BACKEND, 0);
    pci_follow(&pci);
    check_int(sleeps, 3 + 2000);
    finish();
}

TEST(what_is_no_address_is_nobodys)
{
    static const char *const wrong[] = {
        "", "x", "0000:03:20.0", "0000:03:00.8", "0000:03:00.0/../../etc",
        "0000:03:00", "../../../etc/x:1:1.0",
    };

    start();
    fake_store_set("device/pci/0/backend", BACKEND, 0);
    fake_store_set(BACKEND "/num_devs", "2", 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        device(0, wrong[i], "0000:00:00.00");
        device(1, "0000:03:00.0", wrong[i]);
        pci_follow(&pci);
        check_str(link_at("0000:03:00.0"), "");
        check(!rmdir(dir) && mkdir(dir, 0700) == 0);
    }
    finish();
}

TEST(a_qemu_that_finds_devices_gets_no_links)
{
    start();
    pci.links = NULL;
    device(0, "0000:03:00.0", "0000:00:00.0");
    fake_store_set("device/pci/0/backend", BACKEND, 0);
    fake_store_set(BACKEND "/num_devs", "1", 0);
    pci_follow(&pci);
    check_int(pci.devices_n, 1);
    check_int(loads, 1);
    check_str(link_at("0000:03:00.0"), "");
    finish();
}

TAP_MAIN()
