/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest_pci.h"

#include "tools/common/log.h"
#include "tools/common/stubdom_image.h"
#include "xl_qmp.h"

#include <dirent.h>
#include <inttypes.h>
#include <libxl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Tests have some of their own. */
#ifndef GUEST_PCI_SYSFS
#define GUEST_PCI_SYSFS "/sys/bus/pci"
#endif
/* Linux' name for xen-pciback's driver (xen/xen-pciback/pci_stub.c). */
#define DRIVER "pciback"

/* --- What the configuration names ---------------------------------------- */

static bool has(const struct guest_pci *pci, const char *address)
{
    for (size_t i = 0; i < pci->n; i++)
        if (!strcmp(pci->devices[i].address, address))
            return true;
    return false;
}

static bool exists(const char *address)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), GUEST_PCI_SYSFS "/devices/%s", address);
    return !access(path, F_OK);
}

static int add(struct guest_pci *pci, const libxl_device_pci *device,
               const char *entry, const char *file)
{
    struct guest_pci_device *to = &pci->devices[pci->n];

    if (pci->n == GUEST_PCI_MAX) {
        log_error("create: pci names more than %d devices; remove some from "
                  "%s", GUEST_PCI_MAX, file);
        return XL_QMP_USAGE;
    }
    snprintf(to->address, sizeof(to->address), "%04x:%02x:%02x.%x",
             (unsigned int)device->domain & 0xffff, device->bus,
             device->dev & 31u, device->func & 7u);
    if (has(pci, to->address)) {
        log_error("create: pci: \"%s\": %s is there twice; remove one from "
                  "%s", entry, to->address, file);
        return XL_QMP_USAGE;
    }
    to->seize = device->seize;
    to->permissive = device->permissive;
    pci->n++;
    return XL_QMP_OK;
}

static bool is_set(const struct guest_config *config, const char *key)
{
    const char *value = guest_config_get(config, key);

    return value && strcmp(value, "0");
}

static int add_entry(struct guest_pci *pci, const struct guest_config *config,
                     const char *entry)
{
    libxl_device_pci device;
    int rc = XL_QMP_OK;

    libxl_device_pci_init(&device);
    device.seize = is_set(config, "pci_seize");
    device.permissive = is_set(config, "pci_permissive");
    if (xlu_pci_parse_spec_string(config->parsed, &device, entry)) {
        log_error("create: pci: \"%s\" is no PCI device's address; write it "
                  "as lspci does, 03:00.0, in %s", entry, config->path);
        rc = XL_QMP_USAGE;
    } else if (device.name) {
        pci->named = true;
    } else if (device.vfunc_mask == LIBXL_PCI_FUNC_ALL) {
        /* It begins with the last of them, and never comes to the others
         * (device_pci_add_stubdom_done(), at least from 4.17 to 4.22). */
        log_error("create: pci: \"%s\": libxl gives a guest one function of "
                  "them; name each by itself, %02x:%02x.0, in %s", entry,
                  device.bus, device.dev & 31u, config->path);
        rc = XL_QMP_USAGE;
    } else {
        rc = add(pci, &device, entry, config->path);
    }
    libxl_device_pci_dispose(&device);
    return rc;
}

int guest_pci_read(struct guest_pci *pci, const struct guest_config *config)
{
    const char *acpi = guest_config_get(config, "acpi"), *entry;
    const char *text = guest_config_get(config, "pci");
    int rc = XL_QMP_OK;

    *pci = (struct guest_pci){ .n = 0 };
    /* xl takes it for none. */
    if (text && *text) {
        log_error("create: pci is no list; write pci = [ \"%s\" ] in %s",
                  text, config->path);
        return XL_QMP_USAGE;
    }
    for (int i = 0; !rc && (entry = guest_config_item(config, "pci", i)); i++)
        rc = add_entry(pci, config, entry);
    if (!rc && (pci->n || pci->named) && acpi && !strcmp(acpi, "0")) {
        log_error("create: pci: libxl plugs a device into the running guest, "
                  "and QEMU has a bus for that only with ACPI; remove acpi = 0 "
                  "from %s", config->path);
        rc = XL_QMP_USAGE;
    }
    return rc;
}

/* --- The host ------------------------------------------------------------ */

/* The driver that has the device; "": none. */
static void driver_of(const char *address, char *driver_r, size_t size)
{
    char path[PATH_MAX], link[PATH_MAX];
    const char *name;
    ssize_t n;

    snprintf(path, sizeof(path), GUEST_PCI_SYSFS "/devices/%s/driver",
             address);
    n = readlink(path, link, sizeof(link) - 1);
    link[n < 0 ? 0 : n] = '\0';
    name = strrchr(link, '/');
    snprintf(driver_r, size, "%.63s", name ? name + 1 : link);
}

/* xen-pciback forgets it with the device, not with the guest
 * (pcistub_put_pci_dev()). */
static bool is_permissive(const char *address)
{
    FILE *file = fopen(GUEST_PCI_SYSFS "/drivers/" DRIVER "/permissive", "re");
    char line[64];
    bool found = false;

    while (file && !found && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        found = !strcmp(line, address);
    }
    if (file)
        fclose(file);
    return found;
}

static int refuse_owned(const struct guest_pci_device *device,
                        struct host *host, enum host_pci owned,
                        uint32_t owner)
{
    char *name = host_domain_name(host, owner);
    const char *shown = name ? name : "without a name";

    log_sanitise(name, name ? strlen(name) : 0);
    if (owned == HOST_PCI_GIVEN)
        log_error("create: pci: %s is given to domain %" PRIu32 " (%s); xl "
                  "pci-detach %" PRIu32 " %s takes it away", device->address,
                  owner, shown, owner, device->address);
    else
        log_error("create: pci: %s is still with domain %" PRIu32 " (%s), "
                  "whose attach or detach failed; xl pci-detach -f %" PRIu32
                  " %s, or else xl destroy %" PRIu32 ", sets it free",
                  device->address, owner, shown, owner, device->address,
                  owner);
    free(name);
    return XL_QMP_CONNECTION;
}

static int check_device(const struct guest_pci_device *device,
                        struct host *host)
{
    enum host_pci owned;
    char driver[64];
    uint32_t owner;

    if (!exists(device->address)) {
        log_error("create: pci: this host has no device %s; lspci -D lists "
                  "those that there are", device->address);
        return XL_QMP_CONNECTION;
    }
    driver_of(device->address, driver, sizeof(driver));
    if (strcmp(driver, DRIVER)) {
        if (device->seize)
            return XL_QMP_OK;
        log_error("create: pci: %s is %s%s, so no guest can have it; "
                  "modprobe xen-pciback && xl pci-assignable-add %s",
                  device->address, *driver ? "used in dom0 by " :
                  "nobody's", driver, device->address);
        return XL_QMP_CONNECTION;
    }
    owned = host_pci_owner(host, device->address, &owner);
    if (owned != HOST_PCI_FREE)
        return refuse_owned(device, host, owned, owner);
    if (device->permissive || !is_permissive(device->address))
        return XL_QMP_OK;
    log_error("create: pci: %s is still permissive from a guest before, and "
              "this one's configuration does not say permissive=1; xl "
              "pci-assignable-remove %s && xl pci-assignable-add %s",
              device->address, device->address, device->address);
    return XL_QMP_CONNECTION;
}

static int check_frontend(const char *initrd, bool ours)
{
    struct stubdom_image image;

    stubdom_image_read(&image, initrd);
    switch (image.pci) {
    case IMAGE_PCI_HAS:
        return XL_QMP_OK;
    case IMAGE_PCI_LACKS:
        log_error("create: pci: the stubdomain's kernel %s has no "
                  "xen-pcifront, so it can be given no device; mkstubdom -k "
                  "names another", image.kernel);
        break;
    case IMAGE_PCI_UNKNOWN:
        /* Of another's making, perhaps. */
        if (!ours)
            return XL_QMP_OK;
        log_error("create: pci: %s was made by a mkstubdom that knows of no "
                  "PCI devices; run mkstubdom anew", initrd);
        break;
    }
    return XL_QMP_CONNECTION;
}

int guest_pci_check(const struct guest_pci *pci, struct host *host,
                    const char *initrd, bool ours)
{
    bool iommu;
    int rc = XL_QMP_OK;

    if (!pci->n && !pci->named)
        return rc;
    for (size_t i = 0; !rc && i < pci->n; i++)
        rc = check_device(&pci->devices[i], host);
    if (!rc && host_iommu(host, &iommu) && !iommu) {
        log_error("create: pci: Xen uses no IOMMU here, so a guest can have "
                  "no device of the host's; turn it on in the firmware (VT-d "
                  "or AMD-Vi)");
        rc = XL_QMP_CONNECTION;
    }
    return rc ? rc : check_frontend(initrd, ours);
}

static void list_add(char *list, size_t size, const char *address)
{
    static const char more[] = ", ...";
    size_t n = strlen(list);

    if (n + strlen(address) + 2 * sizeof(more) <= size)
        snprintf(list + n, size - n, "%s%s", n ? ", " : "", address);
    else if (strcmp(list + n - strlen(more), more))
        strcpy(list + n, more);
}

/* It has functions that are not xen-pciback's. */
static bool is_apart(const char *address)
{
    char other[16], driver[64];
    bool apart = false;

    snprintf(other, sizeof(other), "%s", address);
    for (char f = '0'; f < '8' && !apart; f++) {
        other[strlen(other) - 1] = f;
        driver_of(other, driver, sizeof(driver));
        apart = exists(other) && strcmp(driver, DRIVER);
    }
    return apart;
}

static int is_address(const struct dirent *entry)
{
    unsigned int part;

    return strlen(entry->d_name) < 16 &&
           sscanf(entry->d_name, "%x:%x:%x.%x", &part, &part, &part,
                  &part) == 4;
}

static void assignable_add(struct guest_pci_assignable *r, struct host *host,
                           const char *address)
{
    char path[PATH_MAX];
    uint32_t owner;

    if (host_pci_owner(host, address, &owner) != HOST_PCI_FREE) {
        r->in_use++;
    } else {
        r->n++;
        if (is_permissive(address))
            list_add(r->permissive, sizeof(r->permissive), address);
    }
    snprintf(path, sizeof(path), GUEST_PCI_SYSFS "/devices/%s/reset", address);
    if (access(path, F_OK))
        list_add(r->no_reset, sizeof(r->no_reset), address);
    if (is_apart(address))
        list_add(r->apart, sizeof(r->apart), address);
}

void guest_pci_assignable(struct guest_pci_assignable *r, struct host *host)
{
    struct dirent **entries;
    int n = scandir(GUEST_PCI_SYSFS "/drivers/" DRIVER, &entries, is_address,
                    alphasort);

    *r = (struct guest_pci_assignable){ .loaded = n >= 0 };
    for (int i = 0; i < n; i++) {
        assignable_add(r, host, entries[i]->d_name);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}
