/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/cmd_doctor.c on hosts that are a directory each. */
static char root[] = "/tmp/test_cmd_doctor.XXXXXX";
static int built_minor = 17;
#define DOCTOR_ROOT root
#define DOCTOR_XEN_TESTED "4.17 4.20"
#define DOCTOR_XEN_MAJOR 4
#define DOCTOR_XEN_MINOR built_minor
#include "xl/cmd_doctor.c"
#define GUEST_PCI_SYSFS "/proc/self/cwd/sys/bus/pci"
#include "xl/guest_pci.c"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>

#include "tap.h"

#define INITRD XENQMP_STUBDOM_DIR "/initrd"
#define CONTENTS XENQMP_STUBDOM_DIR "/contents"
#define MEMORY "memory=70\nmemory_display=8\nmemory_nic=2\nmemory_disk=1\n"

static int minor_version = 17;
static bool store_dead, daemon_dead;

void host_dispose(struct host *host)
{
    (void)host;
}

char *host_domain_name(struct host *host, uint32_t domid)
{
    (void)host;
    return store_dead ? NULL : strdup(domid ? "guest" : "Domain-0");
}

/* Domain 7 with stubdomain 8, and 9 without one. */
static time_t guest_booted;
static const char *guest_ramdisk = INITRD;

static struct stubdom_memory guest_memory;

bool host_memory_is_enough(struct host *host, uint32_t domid,
                           uint32_t stubdom, struct stubdom_memory *memory_r)
{
    (void)host;
    check_int(domid, 7);
    check_int(stubdom, 8);
    *memory_r = guest_memory;
    return guest_memory.has_mib >= guest_memory.needs_mib;
}

bool host_domains(struct host *host, host_domain_fn *fn, void *data)
{
    (void)host;
    fn(0, data);
    fn(7, data);
    fn(8, data);
    fn(9, data);
    return true;
}

bool host_stubdom(struct host *host, uint32_t domid, uint32_t *domid_r)
{
    (void)host;
    *domid_r = 8;
    return domid == 7;
}

bool host_boot(struct host *host, uint32_t stubdom,
               struct host_boot *boot_r)
{
    (void)host;
    check_int(stubdom, 8);
    *boot_r = (struct host_boot){ .time = guest_booted };
    strcpy(boot_r->kernel, XENQMP_STUBDOM_DIR "/vmlinuz");
    strcpy(boot_r->ramdisk, guest_ramdisk);
    return true;
}

static enum stubdom_state guest_state = STUBDOM_RUNS,
                          stubdom_state = STUBDOM_RUNS;

enum stubdom_state host_state(struct host *host, uint32_t domid)
{
    (void)host;
    return domid == 8 ? stubdom_state : guest_state;
}

bool host_version(struct host *host, int *major_r, int *minor_r)
{
    *major_r = 4;
    *minor_r = minor_version;
    return !host->tried;
}

static bool has_iommu = true;

bool host_iommu(struct host *host, bool *has_r)
{
    *has_r = has_iommu;
    return !host->tried;
}

static const char *pci_owned = "";

enum host_pci host_pci_owner(struct host *host, const char *address,
                             uint32_t *domid_r)
{
    (void)host;
    *domid_r = 7;
    return strcmp(address, pci_owned) ? HOST_PCI_FREE : HOST_PCI_GIVEN;
}

int consoled_open(struct consoled *consoled, const char *path,
                  int timeout_ms)
{
    (void)consoled, (void)timeout_ms;
    check(!strncmp(path, root, strlen(root)));
    return daemon_dead ? -1 : 0;
}

void consoled_close(struct consoled *consoled)
{
    (void)consoled;
}

int consoled_request(struct consoled *consoled, const char *request,
                     consoled_line_fn *fn, void *data, char *text_r,
                     size_t size)
{
    (void)consoled, (void)fn, (void)data, (void)text_r, (void)size;
    return strcmp(request, "ping") ? 1 : 0;
}

static void put(const char *path, const char *text)
{
    char command[PATH_MAX * 2];
    FILE *file;

    snprintf(command, sizeof(command), "mkdir -p \"$(dirname %s%s)\"", root,
             path);
    check(!system(command));
    file = fopen(at(path), "w");
    check(file && fputs(text, file) >= 0 && !fclose(file));
    check(!chmod(at(path), 0755));
}

static void set_time(const char *path, time_t seconds)
{
    const struct timespec times[2] = { { seconds, 0 }, { seconds, 0 } };

    check(!utimensat(AT_FDCWD, at(path), times, 0));
}

/* All is well. */
static void make(void)
{
    check(mkdtemp(root));
    check_int(chdir(root), 0);
    put("/proc/xen/capabilities", "control_d\n");
    put(CONSOLED_SOCKET, "");
    check(!chmod(at("/run/xen"), 0755));
    put(HELPER, "#!/bin/sh\n[ \"$1\" = --check-config ]\n");
    put("/boot/vmlinuz-6.1", "");
    put("/usr/libexec/xen-qemu-system-i386", "");
    put(XENQMP_STUBDOM_DIR "/vmlinuz", "");
    put(INITRD, "");
    put(CONTENTS, MEMORY);
    set_time(INITRD, time(NULL) + 3600);
    guest_booted = time(NULL) + 1;
}

static char printed[4096];

static int run(void)
{
    static const struct options options = { .timeout_ms = 99 };
    char name[] = "doctor", *argv[] = { name, NULL }, command[64];
    int out[2], saved = dup(STDOUT_FILENO), rc;
    ssize_t n;

    check(!pipe2(out, O_NONBLOCK));
    fflush(stdout);
    dup2(out[1], STDOUT_FILENO);
    rc = cmd_doctor(&options, 1, argv);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    n = read(out[0], printed, sizeof(printed) - 1);
    printed[n < 0 ? 0 : n] = '\0';
    snprintf(command, sizeof(command), "rm -rf %s", root);
    check(!system(command));
    return rc;
}

/* That, and nothing else, is a problem. */
static void check_problem(const char *text)
{
    char *problem;

    check_int(run(), XL_QMP_CONNECTION);
    problem = strstr(printed, "problem  ");
    if (!problem || strncmp(problem + 9, text, strlen(text)) ||
        strstr(problem + 9, "problem  "))
        tap_fail("it says \"%s\"", printed);
}

TEST(a_ready_host_is_ok)
{
    make();
    check_int(run(), XL_QMP_OK);
    check_str(printed,
        "ok       Xen: this is dom0\n"
        "ok       xenstored: answers\n"
        "ok       libxl: Xen is 4.17\n"
        "ok       xenconsoled: xenqmp's, and it answers\n"
        "ok       /run/xen: only root writes there\n"
        "ok       qmp-helper: " HELPER "\n"
        "ok       qmp-helper.conf: right, or not there\n"
        "ok       stubdomain's image: newer than all kernels and QEMU; "
        "a stubdomain needs 70 MiB of memory, 8 more for a display, 2 for "
        "each NIC, 1 for each disk\n"
        "ok       PCI devices: none can be given to a guest; modprobe "
        "xen-pciback, then xl pci-assignable-add makes one so\n"
        "ok       guests: all stubdomains run, none with an older image\n");
}

TEST(no_xen)
{
    make();
    unlink(at("/proc/xen/capabilities"));
    check_problem("Xen: this kernel does not run on it; ");
}

TEST(a_guest_is_not_dom0)
{
    make();
    put("/proc/xen/capabilities", "");
    check_problem("Xen: this is a guest");
}

TEST(xenfs_need_not_be_mounted)
{
    make();
    unlink(at("/proc/xen/capabilities"));
    put("/sys/hypervisor/type", "xen\n");
    check_int(run(), XL_QMP_OK);
}

TEST(no_xenstored_is_not_waited_for_twice)
{
    make();
    store_dead = true;
    check_int(run(), XL_QMP_CONNECTION);
    check(strstr(printed, "problem  xenstored: does not answer; "));
    check(strstr(printed, "problem  libxl: cannot ask Xen"));
}

TEST(an_old_xen)
{
    make();
    minor_version = 13;
    check_problem("libxl: Xen is 4.13, older than those that this xenqmp "
                  "supports (tested: 4.17 4.20); ");
}

TEST(a_xen_of_the_future)
{
    make();
    minor_version = built_minor = 21;
    check_problem("libxl: Xen is 4.21, newer than those that this xenqmp "
                  "supports (tested: 4.17 4.20); ");
}

TEST(another_xen_than_it_is_built_for)
{
    make();
    minor_version = 20;
    check_problem("libxl: Xen is 4.20, and this xenqmp is built for 4.17, "
                  "which serves no other; ");
}

TEST(a_xen_that_is_not_tested)
{
    make();
    minor_version = built_minor = 18;
    check_int(run(), XL_QMP_OK);
    check(strstr(printed, "ok       libxl: Xen is 4.18, which xenqmp is not "
                 "tested with (tested: 4.17 4.20)\n"));
}

TEST(another_xenconsoled)
{
    make();
    unlink(at(CONSOLED_SOCKET));
    check_problem("xenconsoled: xenqmp's does not run, but Xen's or none;");
}

TEST(a_xenconsoled_that_does_not_answer)
{
    make();
    daemon_dead = true;
    check_problem("xenconsoled: does not answer; ");
}

TEST(a_directory_that_others_write)
{
    make();
    check(!chmod(at("/run/xen"), 0777));
    check_problem("/run/xen: others than root can write there; ");
}

TEST(settings_that_are_wrong)
{
    make();
    put(HELPER, "#!/bin/sh\necho 'qmp-helper: /etc/x: it is missing' >&2\n"
        "exit 1\n");
    check_problem("qmp-helper.conf: /etc/x: it is missing");
}

TEST(settings_that_nobody_can_read)
{
    make();
    put(HELPER, "#!/bin/sh\nexit 127\n");
    check_problem("qmp-helper.conf: qmp-helper cannot read it");
}

TEST(no_helper)
{
    make();
    check(!chmod(at(HELPER), 0));
    check_problem("qmp-helper: " HELPER " is missing; install");
}

TEST(an_image_that_says_of_no_memory)
{
    make();
    put(CONTENTS, "kernel=6.1\npci=yes\n");
    check_problem("stubdomain's image: made by a mkstubdom that says of no "
                  "memory; run mkstubdom");
}

TEST(a_guest_whose_stubdomain_has_too_little_memory)
{
    make();
    guest_memory = (struct stubdom_memory){ .has_mib = 64, .needs_mib = 78 };
    check_problem("guest guest (7): its stubdomain has 64 MiB of memory, and "
                  "with today's image it needs 78: it does not come back "
                  "from a reboot or a save; set stubdomain_memory = 78 in its "
                  "configuration, or remove it, shut the guest down, and "
                  "create it again");
}

#define PCIBACK "/sys/bus/pci/drivers/pciback"

TEST(pci_devices_are_counted)
{
    make();
    put(PCIBACK "/0000:03:00.0", "");
    put(PCIBACK "/0000:04:00.0", "");
    put(PCIBACK "/0000:05:00.0", "");
    put(PCIBACK "/permissive", "0000:04:00.0\n");
    put("/sys/bus/pci/devices/0000:03:00.0/reset", "");
    put("/sys/bus/pci/devices/0000:03:00.1/reset", "");
    put(CONTENTS, MEMORY "kernel=6.1\npci=yes\n");
    pci_owned = "0000:05:00.0";
    check_int(run(), XL_QMP_OK);
    check(strstr(printed, "ok       PCI devices: 2 can be given to guests, 1 "
                 "is in use\n"));
    check(strstr(printed, "ok       PCI resets: Linux can't reset "
                 "0000:04:00.0, 0000:05:00.0: "));
    check(strstr(printed, "ok       PCI functions: dom0 keeps others of the "
                 "cards of 0000:03:00.0, "));
    check(strstr(printed, "ok       PCI permissive: 0000:04:00.0, since "));
}

TEST(no_pci_device_yet)
{
    make();
    put(PCIBACK "/new_slot", "");
    check_int(run(), XL_QMP_OK);
    check(strstr(printed, "ok       PCI devices: none can be given to a "
                 "guest; xl pci-assignable-add makes one so\n"));
}

TEST(pci_devices_without_an_iommu)
{
    make();
    has_iommu = false;
    put(PCIBACK "/0000:03:00.0", "");
    check_problem("PCI devices: 1 can be given to guests, but Xen uses no "
                  "IOMMU; ");
}

TEST(no_iommu_and_no_device)
{
    make();
    has_iommu = false;
    check_int(run(), XL_QMP_OK);
    check(strstr(printed, "ok       PCI devices: Xen uses no IOMMU"));
}

TEST(pci_devices_and_an_image_that_cannot_take_them)
{
    make();
    put(PCIBACK "/0000:03:00.0", "");
    check_problem("PCI devices: 1 can be given to guests, but the "
                  "stubdomain's image has no xen-pcifront; run mkstubdom\n");
}

TEST(pci_devices_and_a_kernel_that_cannot_take_them)
{
    make();
    put(PCIBACK "/0000:03:00.0", "");
    put(CONTENTS, MEMORY "kernel=6.1\npci=no\n");
    check_problem("PCI devices: 1 can be given to guests, but the "
                  "stubdomain's image has no xen-pcifront; run mkstubdom "
                  "-k");
}

TEST(no_image)
{
    make();
    unlink(at(INITRD));
    check_problem("stubdomain's image: " XENQMP_STUBDOM_DIR " has no ");
}

TEST(an_image_that_is_older_than_a_part)
{
    char expected[PATH_MAX + 64];

    make();
    set_time(INITRD, time(NULL) - 3600);
    unlink(at("/usr/libexec/xen-qemu-system-i386"));
    /* The package's time; what counts is when it was installed. */
    set_time("/boot/vmlinuz-6.1", 1000);
    snprintf(expected, sizeof(expected), "stubdomain's image: older than "
             "%s/boot/vmlinuz-6.1; run mkstubdom", root);
    check_problem(expected);
}

TEST(an_image_older_than_a_kernel_beside_its_modules)
{
    char expected[PATH_MAX + 64];

    make();
    set_time(INITRD, time(NULL) - 3600);
    unlink(at("/usr/libexec/xen-qemu-system-i386"));
    check(!unlink(at("/boot/vmlinuz-6.1")));
    put("/lib/modules/7.2/vmlinuz", "");
    snprintf(expected, sizeof(expected), "stubdomain's image: older than "
             "%s/lib/modules/7.2/vmlinuz; run mkstubdom", root);
    check_problem(expected);
}

/* Its image was touched since, but that is another image's time. */
TEST(a_guest_with_an_older_image)
{
    make();
    guest_booted = time(NULL) - 3600;
    check_problem("guest guest (7): its stubdomain runs an older image "
                  "than " INITRD "; xl reboot 7, or xl save");
    check(!strstr(printed, "all stubdomains run"));
}

TEST(a_guest_with_an_older_kernel)
{
    make();
    guest_booted = time(NULL) - 3600;
    guest_ramdisk = "/removed/initrd";
    check_problem("guest guest (7): its stubdomain runs an older image "
                  "than " XENQMP_STUBDOM_DIR "/vmlinuz; ");
}

TEST(a_guest_without_its_stubdomain)
{
    make();
    stubdom_state = STUBDOM_SHUT_DOWN;
    check_problem("guest guest (7): its stubdomain (8) has shut down, as it "
                  "does when its QEMU ends; xl destroy 7, and create it "
                  "again\n");
    check(!strstr(printed, "all stubdomains run"));
}

TEST(a_stubdomain_that_somebody_has_paused)
{
    make();
    stubdom_state = STUBDOM_PAUSED;
    check_problem("guest guest (7): its stubdomain (8) is paused; xl unpause "
                  "8\n");
}

TEST(a_guest_that_is_being_made_is_no_problem)
{
    make();
    stubdom_state = guest_state = STUBDOM_PAUSED;
    check_int(run(), XL_QMP_OK);
}

TEST(an_argument_is_wrong_usage)
{
    static const struct options options = { .timeout_ms = 99 };
    char name[] = "doctor", more[] = "--fix", *argv[] = { name, more, NULL };

    check_int(cmd_doctor(&options, 2, argv), XL_QMP_USAGE);
}

TAP_MAIN()
