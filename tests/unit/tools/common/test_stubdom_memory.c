/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/common/stubdom_image.h"
#include "tools/common/stubdom_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"
#include "fake_store.h"

static char dir[] = "/tmp/xenqmp-memory-XXXXXX";

static void put(const char *text)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "%s/contents", dir);
    file = fopen(path, "w");
    check(file && fputs(text, file) >= 0 && !fclose(file));
}

/* Guest 7 with a display, two NICs and a disk; its stubdomain 8, which is not
 * started yet. */
static void set_up(const char *text)
{
    char initrd[64], argument[64];

    check(mkdtemp(dir));
    if (text)
        put(text);
    snprintf(initrd, sizeof(initrd), "%s/initrd", dir);
    fake_store_set("/local/domain/8/vm", "/vm/u", 0);
    fake_store_set("/vm/u/image/ramdisk", initrd, 0);
    fake_store_set("/vm/u/image/cmdline", "a " STUBDOM_CMDLINE, 0);
    fake_store_set("/local/domain/8/memory/static-max", "96256", 0);
    fake_store_set("/local/domain/7/memory/videoram", "16384", 0);
    fake_store_set("/local/domain/0/backend/vfb/8/0/vnc", "1", 0);
    fake_store_set("/libxl/8/device/vfb/0", "", 0);
    fake_store_set("/local/domain/7/vm", "/vm/g", 0);
    fake_store_set("/vm/g/image/dm-argv/001", "-device", 0);
    fake_store_set("/vm/g/image/dm-argv/002", "e1000,id=nic0,netdev=net0", 0);
    for (int i = 0; i < 2; i++) {
        snprintf(argument, sizeof(argument), "/vm/g/image/dm-argv/01%d", i);
        fake_store_set(argument, "type=tap,id=net0,ifname=vif7.0-emu", 0);
    }
    fake_store_set("/libxl/8/device/vbd/768", "", 0);
}

static unsigned int needs(void)
{
    struct stubdom_memory memory;

    stubdom_memory_is_enough(&memory, fake_store, 7, 8);
    return memory.needs_mib;
}

static bool is_enough(unsigned int needs_mib)
{
    struct stubdom_memory memory;
    bool enough = stubdom_memory_is_enough(&memory, fake_store, 7, 8);
    char path[64];

    check_int(memory.has_mib, 78);
    check_int(memory.needs_mib, needs_mib);
    snprintf(path, sizeof(path), "%s/contents", dir);
    unlink(path);
    rmdir(dir);
    return enough;
}

TEST(a_guest_needs_memory_for_each_device)
{
    set_up("kernel=6.1\npci=yes\nmemory=81\nmemory_display=8\n"
           "memory_nic=2\nmemory_disk=1\nmemory_tracing=8\n");
    check(is_enough(78));
}

/* By then libxl has added NICs, and qmp-helper has put a console in the
 * display's place. */
TEST(one_that_runs_needs_the_same)
{
    set_up("memory=81\nmemory_display=8\nmemory_nic=2\nmemory_disk=1\n");
    fake_store_remove("/local/domain/0/backend/vfb/8");
    fake_store_remove("/libxl/8/device/vfb");
    fake_store_set("/libxl/8/device/console/8/backend", "/x", 0);
    fake_store_set("/libxl/8/device/vif/0", "", 0);
    fake_store_set("/libxl/8/device/vif/1", "", 0);
    /* Without a word of it among QEMU's arguments. */
    fake_store_set("/libxl/8/device/vif/2", "", 0);
    check(is_enough(78));
}

/* An empty one, which libxl gives to both of them; and a disk that is added to
 * the guest alone. */
TEST(a_drive_that_qmp_helper_takes_away_counts_on)
{
    set_up("memory=81\nmemory_display=8\nmemory_nic=2\nmemory_disk=1\n");
    fake_store_set("/local/domain/0/backend/qdisk/7/5632", "", 0);
    fake_store_set("/local/domain/0/backend/qdisk/7/51728", "", 0);
    fake_store_set("/local/domain/0/backend/qdisk/7/5632/device-type",
                   "cdrom", 0);
    fake_store_set("/local/domain/0/backend/qdisk/7/51728/device-type",
                   "disk", 0);
    fake_store_set("/libxl/8/device/vbd/5632", "", 0);
    check_int(needs(), 79);
    fake_store_remove("/libxl/8/device/vbd/5632");
    check(is_enough(79));
}

/* libxl makes it for SPICE, too. */
TEST(a_display_that_is_not_shown_by_vnc_is_none)
{
    set_up("memory=81\nmemory_display=8\nmemory_nic=2\nmemory_disk=1\n");
    fake_store_set("/local/domain/0/backend/vfb/8/0/vnc", "0", 0);
    check(is_enough(70));
}

TEST(a_kernel_with_files_for_tracing_needs_more)
{
    set_up("memory=81\nmemory_display=8\nmemory_nic=2\nmemory_disk=1\n"
           "memory_tracing=8\nmemory_tmpfs=8\n");
    fake_store_set("/vm/u/image/cmdline", "rootfstype=ramfs", 0);
    check(!is_enough(86));
}

TEST(one_that_unpacks_into_a_tmpfs_needs_more)
{
    set_up("memory=81\nmemory_display=8\nmemory_nic=2\nmemory_disk=1\n"
           "memory_tracing=9\nmemory_tmpfs=8\n");
    fake_store_set("/vm/u/image/cmdline",
                   "initcall_blacklist=tracer_init_tracefs", 0);
    check(!is_enough(86));
}

/* They share Linux' SWIOTLB. */
TEST(the_first_device_of_the_hosts_needs_most)
{
    set_up("memory=40\nmemory_pci=48\nmemory_pci_more=2\n");
    fake_store_set("/local/domain/0/backend/pci/8/0/num_devs", "3", 0);
    check(is_enough(40 + 48 + 2 + 2 - 16));
}

TEST(devices_without_end_are_cut)
{
    set_up("memory=40\nmemory_pci=48\nmemory_pci_more=2\n");
    fake_store_set("/local/domain/0/backend/pci/8/0/num_devs", "4000000000",
                   0);
    check(!is_enough(40 + 48 + 63 * 2 - 16));
}

TEST(one_mib_too_little)
{
    set_up("memory=85\nmemory_display=8\nmemory_nic=2\nmemory_disk=2\n");
    check(!is_enough(78 + STUBDOM_MEMORY_SPARE_MIB + 1));
}

TEST(of_anothers_image_nothing_is_known)
{
    set_up(NULL);
    check(is_enough(0));
}

TEST(an_image_of_before)
{
    set_up("kernel=6.1\npci=yes\n");
    check(is_enough(0));
}

TEST(what_an_image_says)
{
    struct stubdom_image image;
    char initrd[64], file[64];

    check(mkdtemp(dir));
    put("kernel=6.1\x1b[31m\npci=no\nmemory=1000000\nsomething=else\n");
    snprintf(initrd, sizeof(initrd), "%s/initrd", dir);
    stubdom_image_read(&image, initrd);
    check_str(image.kernel, "6.1?[31m");
    check_int(image.pci, IMAGE_PCI_LACKS);
    check_int(image.memory_mib, 1000);
    stubdom_image_read(&image, "initrd");
    check_int(image.pci, IMAGE_PCI_UNKNOWN);
    check_int(image.memory_mib, 0);
    snprintf(file, sizeof(file), "%s/contents", dir);
    unlink(file);
    rmdir(dir);
}

/* A guest of before an upgrade, whose configuration says what was needed then,
 * and some more: it comes back. */
TEST(what_an_older_image_needed_is_enough)
{
    struct stubdom_memory memory;

    set_up("memory=104\nmemory_display=4\nmemory_nic=2\nmemory_disk=1\n");
    fake_store_remove("/vm/g/image/dm-argv/011");
    fake_store_set("/local/domain/7/memory/videoram", "8192", 0);
    fake_store_set("/local/domain/8/memory/static-max", "113664", 0);
    check(stubdom_memory_is_enough(&memory, fake_store, 7, 8));
    check_int(memory.has_mib, 103);
    check_int(memory.needs_mib, 103);
    put("memory=108\nmemory_display=4\nmemory_nic=2\nmemory_disk=1\n");
    check(stubdom_memory_is_enough(&memory, fake_store, 7, 8));
    put("memory=109\nmemory_display=4\nmemory_nic=2\nmemory_disk=1\n");
    check(!stubdom_memory_is_enough(&memory, fake_store, 7, 8));
}

TAP_MAIN()
