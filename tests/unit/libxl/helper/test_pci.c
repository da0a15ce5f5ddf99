/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libxl/helper/pci.c beside an xen-pciback that is a folder. */
#define PCIBACK "/proc/self/cwd"
#include "libxl/helper/pci.c"

#include "fake_store.h"
#include "tap.h"

#define GUEST 5
#define DM    6

static void device(uint32_t owner, unsigned int domid, unsigned int n,
                   const char *address)
{
    char path[96];

    snprintf(path, sizeof(path), "/local/domain/0/backend/pci/%u/0/dev-%u",
             domid, n);
    fake_store_set(path, address, owner);
    snprintf(path, sizeof(path), "/local/domain/0/backend/pci/%u/0/opts-%u",
             domid, n);
    fake_store_set(path, "permissive=1", owner);
}

static void count(unsigned int domid, const char *n)
{
    char path[96];

    snprintf(path, sizeof(path), "/local/domain/0/backend/pci/%u/0/num_devs",
             domid);
    fake_store_set(path, n, 0);
}

static const char *guests(const char *key)
{
    char path[96];

    snprintf(path, sizeof(path), "/local/domain/0/backend/pci/5/0/%s", key);
    return fake_store_get(path);
}

TEST(devices_come_to_the_guest_once)
{
    pci_follow(fake_store, GUEST, DM);
    check(!guests("num_devs"));
    device(0, DM, 0, "0000:03:00.0");
    count(DM, "1");
    for (int i = 0; i < 2; i++) {
        pci_follow(fake_store, GUEST, DM);
        check_str(guests("num_devs"), "1");
        check_str(guests("dev-0"), "0000:03:00.0");
        check_str(guests("opts-0"), "permissive=1");
    }
    device(0, DM, 1, "0000:04:00.0");
    count(DM, "2");
    pci_follow(fake_store, GUEST, DM);
    check_str(guests("num_devs"), "2");
    check_str(guests("dev-1"), "0000:04:00.0");
    check(!guests("state"));
}

/* libxl detaches from the stubdomain first, then from the guest. */
TEST(what_goes_is_libxls_to_remove)
{
    device(0, DM, 0, "0000:03:00.0");
    device(0, DM, 1, "0000:04:00.0");
    count(DM, "2");
    pci_follow(fake_store, GUEST, DM);
    device(0, DM, 0, "0000:04:00.0");
    count(DM, "1");
    pci_follow(fake_store, GUEST, DM);
    check_str(guests("num_devs"), "2");
    check_str(guests("dev-0"), "0000:03:00.0");
    check_str(guests("dev-1"), "0000:04:00.0");
}

TEST(a_stubdomain_may_set_up_its_devices_interrupts)
{
    char dir[] = "/tmp/test-pci-XXXXXX", text[64];
    int fd;

    check(mkdtemp(dir));
    check_int(chdir(dir), 0);
    fd = open("allow_interrupt_control", O_RDWR | O_CREAT | O_APPEND, 0600);
    check(fd >= 0);
    device(0, DM, 0, "0000:03:00.0");
    count(DM, "1");
    pci_follow(fake_store, GUEST, DM);
    pci_follow(fake_store, GUEST, DM);
    /* Once; this file, unlike the attribute, keeps what is written. */
    check_int(pread(fd, text, sizeof(text), 0), 12);
    check_mem(text, 12, "0000:03:00.0", 12);
    close(fd);
    check_int(unlink("allow_interrupt_control"), 0);
    check_int(rmdir(dir), 0);
}

static char said[1024];

static bool note(const char *program, int priority, const char *line)
{
    (void)program, (void)priority;
    snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", line);
    return true;
}

static void follow_events(void)
{
    struct xs_handle *xs = fake_store;
    char **watch;
    bool any = false;

    while ((watch = xs_check_watch(xs))) {
        any = true;
        free(watch);
    }
    if (any)
        pci_follow(xs, GUEST, DM);
}

#define FAILED "/local/domain/0/error/backend/pci/6/0/error"
#define BACKENDS "/local/domain/0/backend/pci/6/0/"

TEST(what_xen_pciback_gives_up_for_is_told_once)
{
    log_divert(note);
    check(pci_watch(fake_store, DM));
    pci_follow(fake_store, GUEST, DM);
    check_str(said, "");
    fake_store_set(FAILED, "22 no device\n0000:03:00.0", 0);
    for (int i = 0; i < 2; i++) {
        /* Linux says why, then closes. */
        fake_store_set(BACKENDS "state", "5", 0);
        follow_events();
        check_str(said, "domain 5: xen-pciback has given up its PCI devices "
                  "for domain 6: 22 no device?0000:03:00.0; none can be "
                  "detached any more: xl destroy 5 sets them free\n");
        fake_store_set(FAILED, "22 again", 0);
    }
}

TEST(an_error_that_xen_pciback_goes_on_after_is_not_told)
{
    log_divert(note);
    check(pci_watch(fake_store, DM));
    fake_store_set(BACKENDS "state", "4", 0);
    fake_store_set(FAILED, "22 something", 0);
    follow_events();
    check_str(said, "");
}

/* libxl detaches it from the guest, but the stubdomain's stays. */
TEST(what_is_detached_by_force_does_not_come_back)
{
    device(0, DM, 0, "0000:03:00.0");
    device(0, DM, 1, "0000:04:00.0");
    count(DM, "2");
    fake_store_set(BACKENDS "state", "8", 0);
    fake_store_set(BACKENDS "state-0", "5", 0);
    pci_follow(fake_store, GUEST, DM);
    check_str(guests("num_devs"), "1");
    check_str(guests("dev-0"), "0000:04:00.0");
}

TEST(what_xen_pciback_has_given_up_does_not_come_back)
{
    device(0, DM, 0, "0000:03:00.0");
    count(DM, "1");
    fake_store_set(BACKENDS "state", "5", 0);
    pci_follow(fake_store, GUEST, DM);
    fake_store_set(BACKENDS "state", "6", 0);
    pci_follow(fake_store, GUEST, DM);
    check(!guests("num_devs"));
}

static void image_says(const char *contents)
{
    char dir[] = "/tmp/test-pci-XXXXXX", text[64];
    FILE *file;

    check(mkdtemp(dir));
    snprintf(text, sizeof(text), "%s/contents", dir);
    file = fopen(text, "w");
    check(file && fputs(contents, file) >= 0 && !fclose(file));
    check_int(chdir(dir), 0);
    check_int(close(open("allow_interrupt_control", O_CREAT | O_RDWR, 0600)),
              0);
    snprintf(text, sizeof(text), "%s/initrd", dir);
    fake_store_set("/local/domain/6/vm", "/vm/u", 0);
    fake_store_set("/vm/u/image/ramdisk", text, 0);
    fake_store_set("/vm/u/image/cmdline", STUBDOM_CMDLINE, 0);
    fake_store_set("/local/domain/6/memory/static-max", "102400", 0);
    log_divert(note);
    device(0, DM, 0, "0000:03:00.0");
    count(DM, "1");
    pci_follow(fake_store, GUEST, DM);
    pci_follow(fake_store, GUEST, DM);
    unlink("contents");
    unlink("allow_interrupt_control");
    rmdir(dir);
}

TEST(a_kernel_without_the_frontend_is_told)
{
    image_says("kernel=6.1\npci=no\nmemory=60\n");
    check_str(said, "domain 5: its stubdomain's kernel has no xen-pcifront, "
              "so its PCI devices will not come; mkstubdom -k names "
              "another\n");
}

TEST(too_little_memory_for_a_device_is_told)
{
    image_says("pci=yes\nmemory=60\nmemory_pci=48\nmemory_pci_more=2\n");
    check_str(said, "domain 5: its stubdomain has 100 MiB of memory, and "
              "needs 108 with its PCI devices, which may not come: set "
              "stubdomain_memory = 108 in the guest's configuration\n");
}

TEST(an_image_that_has_all_is_not_told_of)
{
    image_says("pci=yes\nmemory=60\nmemory_pci=40\nmemory_pci_more=2\n");
    check_str(said, "");
}

TEST(a_count_without_end_is_cut)
{
    count(DM, "4000000000");
    pci_follow(fake_store, GUEST, DM);
    check(!guests("num_devs"));
}

TAP_MAIN()
