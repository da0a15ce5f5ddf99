/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <inttypes.h>
#include <libxl.h>
#include <libxl_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#define PCIBACK "/local/domain/0/backend/pci"

bool host_open(struct host *host)
{
    xentoollog_logger *logger = host->logger;

    if (host->tried)
        return host->libxl;
    host->tried = true;
    /* libxl wants a logger. Its complaints are ours to make. */
    if (!logger)
        logger = host->quiet = (xentoollog_logger *)
            xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
    if (!logger)
        return false;
    if (libxl_ctx_alloc(&host->libxl, LIBXL_VERSION, 0, logger))
        host->libxl = NULL;
    return host->libxl;
}

void host_dispose(struct host *host)
{
    if (host->libxl)
        libxl_ctx_free(host->libxl);
    xtl_logger_destroy(host->quiet);
    host->libxl = NULL;
    host->quiet = NULL;
    host->tried = false;
}

static bool find_uuid(struct host *host, const char *text,
                      uint32_t *domid_r)
{
    libxl_dominfo *list;
    libxl_uuid uuid;
    bool found = false;
    int n = 0;

    if (libxl_uuid_from_string(&uuid, text))
        return false;
    list = libxl_list_domain(host->libxl, &n);
    for (int i = 0; list && i < n && !found; i++) {
        found = !libxl_uuid_compare(&list[i].uuid, &uuid);
        if (found)
            *domid_r = list[i].domid;
    }
    if (list)
        libxl_dominfo_list_free(list, n);
    return found;
}

enum host_found host_find(struct host *host, const char *name,
                          uint32_t *domid_r)
{
    libxl_dominfo info;
    bool exists;

    if (!host_open(host))
        return HOST_NO_XEN;
    if (libxl_domain_qualifier_to_domid(host->libxl, name, domid_r))
        return find_uuid(host, name, domid_r) ? HOST_FOUND :
                                                HOST_NO_DOMAIN;
    /* A number passes unchecked. */
    libxl_dominfo_init(&info);
    exists = !libxl_domain_info(host->libxl, &info, *domid_r);
    libxl_dominfo_dispose(&info);
    return exists ? HOST_FOUND : HOST_NO_DOMAIN;
}

char *host_domain_name(struct host *host, uint32_t domid)
{
    return host_open(host) ? libxl_domid_to_name(host->libxl, domid) : NULL;
}

bool host_stubdom(struct host *host, uint32_t domid, uint32_t *domid_r)
{
    int stubdom = host_open(host) ?
                  libxl_get_stubdom_id(host->libxl, (int)domid) : 0;

    *domid_r = (uint32_t)stubdom;
    return stubdom > 0;
}

static void store_read(struct xs_handle *xs, char *text_r, size_t size,
                       const char *fmt, const char *arg)
{
    char path[PATH_MAX], *value;

    snprintf(path, sizeof(path), fmt, arg);
    value = xs_read(xs, XBT_NULL, path, NULL);
    snprintf(text_r, size, "%s", value ? value : "");
    free(value);
}

/* libxl__domain_build() of libxl 4.17 writes these; the domain can only
 * read them. */
bool host_boot(struct host *host, uint32_t stubdom,
               struct host_boot *boot_r)
{
    char domid[16], vm[PATH_MAX], start[32] = "";
    struct xs_handle *xs = host_open(host) ? xs_open(0) : NULL;

    *boot_r = (struct host_boot){ .time = 0 };
    if (!xs)
        return false;
    snprintf(domid, sizeof(domid), "%" PRIu32, stubdom);
    store_read(xs, vm, sizeof(vm), "/local/domain/%s/vm", domid);
    if (*vm) {
        store_read(xs, start, sizeof(start), "%s/start_time", vm);
        store_read(xs, boot_r->kernel, PATH_MAX, "%s/image/kernel", vm);
        store_read(xs, boot_r->ramdisk, PATH_MAX, "%s/image/ramdisk", vm);
    }
    xs_close(xs);
    boot_r->time = (time_t)strtoll(start, NULL, 10);
    return boot_r->time > 0;
}

bool host_memory_is_enough(struct host *host, uint32_t domid,
                           uint32_t stubdom, struct stubdom_memory *memory_r)
{
    struct xs_handle *xs = host_open(host) ? xs_open(0) : NULL;
    bool enough;

    if (!xs)
        return true;
    enough = stubdom_memory_is_enough(memory_r, xs, domid, stubdom);
    xs_close(xs);
    return enough;
}

bool host_domains(struct host *host, host_domain_fn *fn, void *data)
{
    libxl_dominfo *list;
    int n = 0;

    if (!host_open(host))
        return false;
    list = libxl_list_domain(host->libxl, &n);
    if (!list)
        return false;
    for (int i = 0; i < n; i++)
        fn(list[i].domid, data);
    libxl_dominfo_list_free(list, n);
    return true;
}

static enum stubdom_state state_of(const libxl_dominfo *info)
{
    if (info->dying)
        return STUBDOM_DESTROYED;
    if (info->shutdown &&
        info->shutdown_reason != LIBXL_SHUTDOWN_REASON_SUSPEND)
        return info->shutdown_reason == LIBXL_SHUTDOWN_REASON_CRASH ||
               info->shutdown_reason == LIBXL_SHUTDOWN_REASON_WATCHDOG ?
               STUBDOM_CRASHED : STUBDOM_SHUT_DOWN;
    return info->paused ? STUBDOM_PAUSED : STUBDOM_RUNS;
}

enum stubdom_state host_state(struct host *host, uint32_t domid)
{
    enum stubdom_state state = STUBDOM_UNKNOWN;
    libxl_dominfo info;
    int rc;

    if (!host_open(host))
        return state;
    libxl_dominfo_init(&info);
    rc = libxl_domain_info(host->libxl, &info, domid);
    if (!rc)
        state = state_of(&info);
    else if (rc == ERROR_DOMAIN_NOTFOUND)
        state = STUBDOM_DESTROYED;
    libxl_dominfo_dispose(&info);
    return state;
}

bool host_iommu(struct host *host, bool *has_r)
{
    libxl_physinfo info;
    bool asked;

    if (!host_open(host))
        return false;
    libxl_physinfo_init(&info);
    asked = !libxl_get_physinfo(host->libxl, &info);
    *has_r = info.cap_hvm_directio;
    libxl_physinfo_dispose(&info);
    return asked;
}

/* Whose it is in xen-pciback, which libxl, where an attach or a detach fails,
 * may forget itself and leave to the stubdomain. A domain that has ended has
 * nothing, whatever is noted. */
static bool pciback_owner(struct host *host, struct xs_handle *xs,
                          const char *address, uint32_t *domid_r)
{
    unsigned int n = 0;
    char **domids = xs_directory(xs, XBT_NULL, PCIBACK, &n), is[16];
    bool found = false;

    for (unsigned int d = 0; domids && d < n && !found; d++) {
        *domid_r = (uint32_t)strtoul(domids[d], NULL, 10);
        for (unsigned int i = 0; !found; i++) {
            char fmt[64];

            snprintf(fmt, sizeof(fmt), PCIBACK "/%%s/0/dev-%u", i);
            store_read(xs, is, sizeof(is), fmt, domids[d]);
            if (!*is)
                break;
            found = !strcmp(is, address) &&
                    !stubdom_has_ended(host_state(host, *domid_r));
        }
        if (!found)
            continue;
        store_read(xs, is, sizeof(is), "/local/domain/%s/target", domids[d]);
        if (*is)
            *domid_r = (uint32_t)strtoul(is, NULL, 10);
    }
    free(domids);
    return found;
}

/* libxl__device_pci_add() writes /libxl/pci, with dashes for what a path's
 * part can't have, and libxl removes it with the device. It stays where a
 * guest was destroyed in a way that libxl did not see: so it counts as long as
 * there is the domain. */
enum host_pci host_pci_owner(struct host *host, const char *address,
                             uint32_t *domid_r)
{
    struct xs_handle *xs = host_open(host) ? xs_open(0) : NULL;
    enum host_pci owned = HOST_PCI_FREE;
    char name[32], text[16];

    if (!xs)
        return owned;
    snprintf(name, sizeof(name), "%s", address);
    for (char *c = name; *c; c++)
        if (*c == ':' || *c == '.')
            *c = '-';
    store_read(xs, text, sizeof(text), "/libxl/pci/%s/domid", name);
    *domid_r = (uint32_t)strtoul(text, NULL, 10);
    if (*text && !stubdom_has_ended(host_state(host, *domid_r)))
        owned = HOST_PCI_GIVEN;
    else if (pciback_owner(host, xs, address, domid_r))
        owned = HOST_PCI_HELD;
    xs_close(xs);
    return owned;
}

bool host_version(struct host *host, int *major_r, int *minor_r)
{
    const libxl_version_info *info = host_open(host) ?
        libxl_get_version_info(host->libxl) : NULL;

    if (!info)
        return false;
    *major_r = info->xen_version_major;
    *minor_r = info->xen_version_minor;
    return true;
}
