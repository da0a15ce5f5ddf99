/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/guest_pci.c on a host that is a directory: a NIC at 0000:03:00.0 and
 * two functions of another device at 0000:04:00, all assignable but 04:00.1,
 * which dom0 uses. */
#define GUEST_PCI_SYSFS "/proc/self/cwd/pci"
#include "xl/guest_pci.c"

#include <sys/stat.h>

#include "tap.h"

static char dir[] = "/tmp/guest-pci-XXXXXX";
static char err[4096];
static bool xen = true, has_iommu = true;
static enum host_pci owned;

bool host_iommu(struct host *host, bool *has_r)
{
    (void)host;
    *has_r = has_iommu;
    return xen;
}

enum host_pci host_pci_owner(struct host *host, const char *address,
                             uint32_t *domid_r)
{
    (void)host;
    *domid_r = 9;
    return strcmp(address, "0000:03:00.0") ? HOST_PCI_FREE : owned;
}

char *host_domain_name(struct host *host, uint32_t domid)
{
    (void)host;
    return domid == 9 ? strdup("oth\ner") : NULL;
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    check(file && fputs(text, file) >= 0 && !fclose(file));
}

static void put_device(const char *address, const char *driver)
{
    char path[256], target[256];

    snprintf(path, sizeof(path), "pci/devices/%s", address);
    check_int(mkdir(path, 0755), 0);
    snprintf(target, sizeof(target), "../../drivers/%s", driver);
    snprintf(path, sizeof(path), "pci/devices/%s/driver", address);
    check_int(symlink(target, path), 0);
    snprintf(path, sizeof(path), "pci/drivers/%s", driver);
    mkdir(path, 0755);
    snprintf(target, sizeof(target), "../../devices/%s", address);
    snprintf(path, sizeof(path), "pci/drivers/%s/%s", driver, address);
    check_int(symlink(target, path), 0);
}

static void set_up(void)
{
    check(mkdtemp(dir));
    check_int(chdir(dir), 0);
    check_int(mkdir("pci", 0755) | mkdir("pci/devices", 0755) |
              mkdir("pci/drivers", 0755), 0);
    put_device("0000:03:00.0", "pciback");
    put_device("0000:04:00.0", "pciback");
    put_device("0000:04:00.1", "nvme");
    put("pci/devices/0000:03:00.0/reset", "");
    put("pci/drivers/pciback/new_slot", "");
    put("initrd", "");
    put("contents", "kernel=6.1.0-9\npci=yes\n");
}

static void tear_down(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -r %s", dir);
    check_int(system(command), 0);
}

/* What is said of a guest whose configuration says so. */
static int look(const char *setting, bool ours)
{
    struct guest_config config;
    struct host host = { 0 };
    struct guest_pci pci;
    FILE *said = tmpfile();
    int saved = dup(STDERR_FILENO), rc;
    char *initrd;

    check(said && asprintf(&initrd, "%s/initrd", dir) > 0);
    dup2(fileno(said), STDERR_FILENO);
    log_open("xl-qmp", LOG_TO_STDERR, LOG_LEVEL_INFO);
    put("guest.cfg", "name = \"a\"\n");
    guest_config_init(&config);
    check_int(guest_config_set(&config, setting), 0);
    check_int(guest_config_read(&config, "guest.cfg"), 0);
    rc = guest_pci_read(&pci, &config);
    if (!rc)
        rc = guest_pci_check(&pci, &host, initrd, ours);
    guest_config_dispose(&config);
    dup2(saved, STDERR_FILENO);
    close(saved);
    free(initrd);
    rewind(said);
    err[fread(err, 1, sizeof(err) - 1, said)] = '\0';
    fclose(said);
    /* One line, or none if nothing is amiss. */
    check_int(!*err, !rc);
    check(!*err || strchr(err, '\n') == err + strlen(err) - 1);
    return rc;
}

static void refused(const char *setting, int rc, const char *why)
{
    check_int(look(setting, true), rc);
    check(strstr(err, why));
}

TEST(what_can_be_given_passes)
{
    set_up();
    check_int(look("pci = [ \"03:00.0\" ]", true), 0);
    check_int(look("pci = [ \"0000:03:00.0,permissive=1\", \"04:00.0@5\" ]",
                   true), 0);
    check_int(look("memory = 1", true), 0);
    check_int(look("pci = [ ]", true), 0);
    tear_down();
}

TEST(what_is_no_address_is_refused)
{
    set_up();
    refused("pci = [ \"03:00.0\", \"eth0\" ]", XL_QMP_USAGE,
            "\"eth0\" is no PCI device's address");
    refused("pci = [ \"03:00\" ]", XL_QMP_USAGE, "no PCI device's address");
    tear_down();
}

TEST(a_device_stands_there_once)
{
    set_up();
    refused("pci = [ \"03:00.0\", \"0000:03:00.0,permissive=1\" ]",
            XL_QMP_USAGE, "0000:03:00.0 is there twice");
    tear_down();
}

TEST(without_acpi_none_can_be_plugged_in)
{
    set_up();
    refused("acpi = 0\npci = [ \"03:00.0\" ]", XL_QMP_USAGE, "acpi = 0");
    check_int(look("acpi = 1\npci = [ \"03:00.0\" ]", true), 0);
    check_int(look("acpi = 0\npci = [ ]", true), 0);
    tear_down();
}

TEST(all_functions_at_once_are_refused)
{
    set_up();
    refused("pci = [ \"04:00.*\" ]", XL_QMP_USAGE,
            "name each by itself, 04:00.0");
    tear_down();
}

TEST(a_device_that_is_not_there_is_refused)
{
    set_up();
    refused("pci = [ \"05:00.0\" ]", XL_QMP_CONNECTION,
            "no device 0000:05:00.0");
    tear_down();
}

TEST(a_device_that_dom0_uses_is_refused_unless_it_is_to_be_seized)
{
    set_up();
    refused("pci = [ \"04:00.0\", \"04:00.1\" ]", XL_QMP_CONNECTION,
            "0000:04:00.1 is used in dom0 by nvme");
    check(strstr(err, "xl pci-assignable-add 0000:04:00.1"));
    check_int(look("pci = [ \"04:00.1,seize=1\" ]", true), 0);
    check_int(look("pci_seize = 1\npci = [ \"04:00.1\" ]", true), 0);
    check_int(unlink("pci/devices/0000:04:00.1/driver"), 0);
    refused("pci = [ \"04:00.1\" ]", XL_QMP_CONNECTION, "is nobody's");
    tear_down();
}

TEST(a_device_that_another_guest_has_is_refused)
{
    set_up();
    owned = HOST_PCI_GIVEN;
    refused("pci = [ \"03:00.0\" ]", XL_QMP_CONNECTION,
            "is given to domain 9 (oth?er); xl pci-detach 9 0000:03:00.0");
    check_int(look("pci = [ \"04:00.0\" ]", true), 0);
    owned = HOST_PCI_HELD;
    refused("pci = [ \"03:00.0\" ]", XL_QMP_CONNECTION,
            "is still with domain 9 (oth?er), whose attach or detach failed; "
            "xl pci-detach -f 9 0000:03:00.0, or else xl destroy 9, sets");
    tear_down();
}

TEST(without_an_iommu_none_can_be_given)
{
    set_up();
    has_iommu = false;
    refused("pci = [ \"03:00.0\" ]", XL_QMP_CONNECTION, "no IOMMU");
    /* By a name that xl pci-assignable-add gave it. */
    refused("pci = [ \"name=nic\" ]", XL_QMP_CONNECTION, "no IOMMU");
    xen = false;
    check_int(look("pci = [ \"03:00.0\" ]", true), 0);
    tear_down();
}

TEST(an_image_without_the_frontend_is_refused)
{
    set_up();
    put("contents", "kernel=6.1.0-9\npci=no\n");
    refused("pci = [ \"03:00.0\" ]", XL_QMP_CONNECTION,
            "kernel 6.1.0-9 has no xen-pcifront");
    check_int(unlink("contents"), 0);
    refused("pci = [ \"name=nic\" ]", XL_QMP_CONNECTION, "run mkstubdom");
    /* Somebody's own. */
    check_int(look("pci = [ \"03:00.0\" ]", false), 0);
    tear_down();
}

TEST(too_many_devices_are_refused)
{
    char setting[4096] = "pci = [ ";

    set_up();
    for (unsigned int i = 0; i <= GUEST_PCI_MAX; i++)
        snprintf(setting + strlen(setting), sizeof(setting) - strlen(setting),
                 "\"%02x:00.0\",", i);
    strcat(setting, " ]");
    refused(setting, XL_QMP_USAGE, "more than 64 devices");
    tear_down();
}

TEST(what_is_no_list_is_refused)
{
    set_up();
    refused("pci = \"03:00.0\"", XL_QMP_USAGE,
            "pci is no list; write pci = [ \"03:00.0\" ]");
    tear_down();
}

TEST(what_a_guest_before_may_do_is_not_inherited)
{
    set_up();
    put("pci/drivers/pciback/permissive", "0000:05:00.0\n0000:03:00.0\n");
    refused("pci = [ \"03:00.0\" ]", XL_QMP_CONNECTION,
            "0000:03:00.0 is still permissive from a guest before");
    check(strstr(err, "xl pci-assignable-remove 0000:03:00.0 && xl "
                 "pci-assignable-add 0000:03:00.0"));
    check_int(look("pci = [ \"04:00.0\" ]", true), 0);
    check_int(look("pci = [ \"03:00.0,permissive=1\" ]", true), 0);
    check_int(look("pci_permissive = 1\npci = [ \"03:00.0\" ]", true), 0);
    refused("pci_permissive = 1\npci = [ \"03:00.0,permissive=0\" ]",
            XL_QMP_CONNECTION, "still permissive");
    tear_down();
}

TEST(what_can_be_given_is_counted)
{
    struct guest_pci_assignable r;
    struct host host = { 0 };

    set_up();
    put_device("0000:05:00.0", "pciback");
    put("pci/drivers/pciback/permissive", "0000:05:00.0\n0000:03:00.0\n");
    guest_pci_assignable(&r, &host);
    check(r.loaded);
    check_int(r.n, 3);
    check_int(r.in_use, 0);
    check_str(r.no_reset, "0000:04:00.0, 0000:05:00.0");
    check_str(r.apart, "0000:04:00.0");
    check_str(r.permissive, "0000:03:00.0, 0000:05:00.0");
    owned = HOST_PCI_GIVEN;
    guest_pci_assignable(&r, &host);
    check_int(r.n, 2);
    check_int(r.in_use, 1);
    /* Its guest may have asked for it. */
    check_str(r.permissive, "0000:05:00.0");
    check_int(rename("pci", "none"), 0);
    guest_pci_assignable(&r, &host);
    check_int(r.n, 0);
    check(!r.loaded);
    tear_down();
}

TAP_MAIN()
