/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/host.c on a libxl of two domains. */
#include "xl/host.h"

#include <libxl.h>
#include <libxl_utils.h>
#include <xenstore.h>

#include "tap.h"

#define UUID "6a1b0e7c-3d2f-4c58-9b1e-0f1e2d3c4b5a"
static const uint8_t uuid[16] = { 0x6a, 0x1b, 0x0e, 0x7c, 0x3d, 0x2f, 0x4c,
    0x58, 0x9b, 0x1e, 0x0f, 0x1e, 0x2d, 0x3c, 0x4b, 0x5a };
static bool is_paused, is_shut_down, is_dying, no_xen;
static libxl_shutdown_reason shutdown_reason;

int libxl_ctx_alloc(libxl_ctx **ctx_r, int version, unsigned int flags,
                    xentoollog_logger *logger)
{
    check_int(version, LIBXL_VERSION);
    check(!flags && logger);
    *ctx_r = (libxl_ctx *)&no_xen;
    return no_xen ? ERROR_FAIL : 0;
}

int libxl_ctx_free(libxl_ctx *ctx)
{
    check(ctx == (libxl_ctx *)&no_xen);
    return 0;
}

int libxl_domain_qualifier_to_domid(libxl_ctx *ctx, const char *name,
                                    uint32_t *domid_r)
{
    (void)ctx;
    *domid_r = strcmp(name, "guest") ? (uint32_t)atoi(name) : 7;
    return strcmp(name, "guest") && strspn(name, "0123456789") !=
           strlen(name) ? ERROR_INVAL : 0;
}

void libxl_dominfo_init(libxl_dominfo *info)
{
    memset(info, 0, sizeof(*info));
}

void libxl_dominfo_dispose(libxl_dominfo *info)
{
    (void)info;
}

int libxl_domain_info(libxl_ctx *ctx, libxl_dominfo *info, uint32_t domid)
{
    (void)ctx;
    info->domid = domid;
    info->paused = domid == 7 && is_paused;
    info->shutdown = is_shut_down;
    info->shutdown_reason = shutdown_reason;
    info->dying = is_dying;
    return domid == 7 || domid == 8 ? 0 : ERROR_DOMAIN_NOTFOUND;
}

libxl_dominfo *libxl_list_domain(libxl_ctx *ctx, int *n_r)
{
    libxl_dominfo *list = calloc(2, sizeof(*list));

    (void)ctx;
    check(list);
    list[1].domid = 7;
    memcpy(&list[1].uuid, uuid, sizeof(uuid));
    *n_r = 2;
    return list;
}

void libxl_dominfo_list_free(libxl_dominfo *list, int n)
{
    check_int(n, 2);
    free(list);
}

int libxl_uuid_from_string(libxl_uuid *uuid_r, const char *text)
{
    memcpy(uuid_r, uuid, sizeof(uuid));
    if (text[0] == '0')
        ((uint8_t *)uuid_r)[0] = 0;
    return strlen(text) == strlen(UUID) ? 0 : -1;
}

int libxl_uuid_compare(const libxl_uuid *a, const libxl_uuid *b)
{
    return memcmp(a, b, sizeof(uuid));
}

char *libxl_domid_to_name(libxl_ctx *ctx, uint32_t domid)
{
    (void)ctx;
    return domid == 7 ? strdup("guest") : NULL;
}

int libxl_get_stubdom_id(libxl_ctx *ctx, int domid)
{
    (void)ctx;
    return domid == 7 ? 8 : 0;
}

const libxl_version_info *libxl_get_version_info(libxl_ctx *ctx)
{
    static const libxl_version_info info = {
        .xen_version_major = 4, .xen_version_minor = 17,
    };

    (void)ctx;
    return &info;
}

/* --- What libxl has noted of domain 8 --------------------------------- */

static bool no_store;
static const char *pci_owner = "7";
/* Domain 9 is no more; 8 is the stubdomain of 7. */
static const char *const pciback[][2] = {
    { "/local/domain/0/backend/pci/9/0/dev-0", "0000:05:00.0" },
    { "/local/domain/0/backend/pci/8/0/dev-0", "0000:04:00.0" },
    { "/local/domain/0/backend/pci/8/0/dev-1", "0000:06:00.0" },
    { "/local/domain/8/target", "7" },
};
static bool has_iommu = true;

void libxl_physinfo_init(libxl_physinfo *info)
{
    memset(info, 0, sizeof(*info));
}

void libxl_physinfo_dispose(libxl_physinfo *info)
{
    (void)info;
}

int libxl_get_physinfo(libxl_ctx *ctx, libxl_physinfo *info)
{
    (void)ctx;
    info->cap_hvm_directio = has_iommu;
    return 0;
}

struct xs_handle *xs_open(unsigned long flags)
{
    check(!flags);
    return no_store ? NULL : (struct xs_handle *)&no_store;
}

void xs_close(struct xs_handle *xs)
{
    check(xs == (struct xs_handle *)&no_store);
}

void *xs_read(struct xs_handle *xs, xs_transaction_t t, const char *path,
              unsigned int *n_r)
{
    static const char *const nodes[][2] = {
        { "/local/domain/8/vm", "/vm/" UUID },
        { "/vm/" UUID "/start_time", "1763720000.07" },
        { "/vm/" UUID "/image/kernel", "/images/vmlinuz" },
        { "/vm/" UUID "/image/ramdisk", "/images/initrd" },
    };

    check(xs && t == XBT_NULL && !n_r);
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
        if (!strcmp(path, nodes[i][0]))
            return strdup(nodes[i][1]);
    if (!strcmp(path, "/libxl/pci/0000-03-00-1/domid"))
        return strdup(pci_owner);
    for (size_t i = 0; i < sizeof(pciback) / sizeof(pciback[0]); i++)
        if (!strcmp(path, pciback[i][0]))
            return strdup(pciback[i][1]);
    return NULL;
}

char **xs_directory(struct xs_handle *xs, xs_transaction_t t,
                    const char *path, unsigned int *n_r)
{
    static char gone[] = "9", stubdom[] = "8";
    char **r = malloc(2 * sizeof(*r));

    check(xs && t == XBT_NULL && r);
    check_str(path, "/local/domain/0/backend/pci");
    r[0] = gone;
    r[1] = stubdom;
    *n_r = 2;
    return r;
}

static enum host_found find(const char *name, uint32_t *domid_r)
{
    struct host host = { 0 };
    enum host_found found;

    *domid_r = 99;
    found = host_find(&host, name, domid_r);
    host_dispose(&host);
    host_dispose(&host);
    return found;
}

TEST(a_domain_is_found_by_name_number_and_uuid)
{
    static const char *const names[] = { "guest", "7", UUID };
    uint32_t domid;

    for (size_t i = 0; i < 3; i++) {
        check_int(find(names[i], &domid), HOST_FOUND);
        check_int(domid, 7);
    }
}

TEST(a_domain_that_is_not_there_is_not_found)
{
    uint32_t domid;

    check_int(find("other", &domid), HOST_NO_DOMAIN);
    check_int(find("9", &domid), HOST_NO_DOMAIN);
    check_int(find("0a1b0e7c-3d2f-4c58-9b1e-0f1e2d3c4b5a", &domid),
              HOST_NO_DOMAIN);
}

TEST(a_guest_that_is_being_made_is_paused)
{
    struct host host = { 0 };

    check_int(host_state(&host, 7), STUBDOM_RUNS);
    is_paused = true;
    check_int(host_state(&host, 7), STUBDOM_PAUSED);
    check_int(host_state(&host, 9), STUBDOM_DESTROYED);
    host_dispose(&host);
}

TEST(a_domain_that_has_ended_says_how)
{
    struct host host = { 0 };

    is_shut_down = true;
    check_int(host_state(&host, 7), STUBDOM_SHUT_DOWN);
    is_paused = true;
    shutdown_reason = LIBXL_SHUTDOWN_REASON_CRASH;
    check_int(host_state(&host, 7), STUBDOM_CRASHED);
    shutdown_reason = LIBXL_SHUTDOWN_REASON_SUSPEND;
    check_int(host_state(&host, 7), STUBDOM_PAUSED);
    is_paused = false;
    check_int(host_state(&host, 7), STUBDOM_RUNS);
    is_dying = true;
    check_int(host_state(&host, 7), STUBDOM_DESTROYED);
    host_dispose(&host);
    no_xen = true;
    check_int(host_state(&host, 7), STUBDOM_UNKNOWN);
}

TEST(the_version_is_xens)
{
    struct host host = { 0 };
    int major, minor;

    check(host_version(&host, &major, &minor));
    check_int(major, 4);
    check_int(minor, 17);
    host_dispose(&host);
}

TEST(what_a_stubdomain_booted_from_is_noted)
{
    struct host host = { 0 };
    struct host_boot boot;

    check(host_boot(&host, 8, &boot));
    check_int(boot.time, 1763720000);
    check_str(boot.kernel, "/images/vmlinuz");
    check_str(boot.ramdisk, "/images/initrd");
    check(!host_boot(&host, 9, &boot));
    check_str(boot.ramdisk, "");
    no_store = true;
    check(!host_boot(&host, 8, &boot));
    host_dispose(&host);
}

TEST(a_pci_device_is_whose_libxl_says)
{
    struct host host = { 0 };
    uint32_t domid;

    check_int(host_pci_owner(&host, "0000:03:00.1", &domid), HOST_PCI_GIVEN);
    check_int(domid, 7);
    check_int(host_pci_owner(&host, "0000:03:00.0", &domid), HOST_PCI_FREE);
    /* Of a domain that is no more. */
    pci_owner = "9";
    check_int(host_pci_owner(&host, "0000:03:00.1", &domid), HOST_PCI_FREE);
    no_store = true;
    check_int(host_pci_owner(&host, "0000:03:00.1", &domid), HOST_PCI_FREE);
    host_dispose(&host);
}

/* libxl removes its own note when an attach has failed. */
TEST(a_pci_device_that_xen_pciback_keeps_is_not_free)
{
    struct host host = { 0 };
    uint32_t domid;

    check_int(host_pci_owner(&host, "0000:06:00.0", &domid), HOST_PCI_HELD);
    check_int(domid, 7);
    check_int(host_pci_owner(&host, "0000:05:00.0", &domid), HOST_PCI_FREE);
    host_dispose(&host);
}

TEST(whether_there_is_an_iommu_is_known)
{
    struct host host = { 0 };
    bool iommu;

    check(host_iommu(&host, &iommu) && iommu);
    has_iommu = false;
    check(host_iommu(&host, &iommu) && !iommu);
    host_dispose(&host);
    no_xen = true;
    check(!host_iommu(&host, &iommu));
}

static void count(uint32_t domid, void *data)
{
    check(domid == 0 || domid == 7);
    ++*(int *)data;
}

TEST(each_domain_is_listed)
{
    struct host host = { 0 };
    int n = 0;

    check(host_domains(&host, count, &n));
    check_int(n, 2);
    host_dispose(&host);
    no_xen = true;
    check(!host_domains(&host, count, &n));
    host_dispose(&host);
}

TEST(without_xen_nothing_is_found)
{
    uint32_t domid;

    no_xen = true;
    check_int(find("guest", &domid), HOST_NO_XEN);
    check_int(find(UUID, &domid), HOST_NO_XEN);
}

TAP_MAIN()
