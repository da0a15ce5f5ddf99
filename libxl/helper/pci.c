/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xen/io/xenbus.h>

#include "tools/common/log.h"
#include "tools/common/stubdom_memory.h"

#define BACKEND "/local/domain/0/backend/pci/%u"
/* Linux's: where a driver of dom0's says why it gave up its backend. */
#define FAILURE "/local/domain/0/error/backend/pci/%u/0/error"
/* Tests have one of their own. */
#ifndef PCIBACK
#define PCIBACK "/sys/bus/pci/drivers/pciback"
#endif
/* More than xen-pciback takes of one frontend. */
#define DEVICES_MAX 64

struct pair {
    uint32_t guest, dm;
    bool changed;
};

static unsigned int devices_count(struct xs_handle *xs, xs_transaction_t t,
                                  uint32_t domid)
{
    char *text = store_read(xs, t, BACKEND "/0/num_devs", domid);
    unsigned long n = text ? strtoul(text, NULL, 10) : 0;

    free(text);
    return n < DEVICES_MAX ? (unsigned int)n : DEVICES_MAX;
}

static bool has_device(struct xs_handle *xs, xs_transaction_t t,
                       uint32_t domid, unsigned int n, const char *address)
{
    bool found = false;

    for (unsigned int i = 0; i < n && !found; i++) {
        char *is = store_read(xs, t, BACKEND "/0/dev-%u", domid, i);

        found = is && !strcmp(is, address);
        free(is);
    }
    return found;
}

static unsigned int state_of(struct xs_handle *xs, xs_transaction_t t,
                             uint32_t domid, const char *key)
{
    char *text = store_read(xs, t, BACKEND "/0/%s", domid, key);
    unsigned long state = text ? strtoul(text, NULL, 10) : 0;

    free(text);
    return (unsigned int)state;
}

/* It serves none of its devices any more, nor will it. */
static bool has_given_up(struct xs_handle *xs, xs_transaction_t t,
                         uint32_t dm)
{
    unsigned int state = state_of(xs, t, dm, "state");

    return state == XenbusStateClosing || state == XenbusStateClosed;
}

/* libxl has detached it, whether or not xen-pciback and the stubdomain
 * followed. */
static bool is_detached(struct xs_handle *xs, xs_transaction_t t, uint32_t dm,
                        unsigned int n)
{
    char key[16];

    snprintf(key, sizeof(key), "state-%u", n);
    return state_of(xs, t, dm, key) == XenbusStateClosing;
}

/* The stubdomain's device from becomes the guest's device to. */
static bool device_copy(struct xs_handle *xs, xs_transaction_t t,
                        const struct pair *pair, unsigned int from,
                        unsigned int to)
{
    static const char *const keys[] = {
        "key", "dev", "opts", "vdevfn", "name", "state",
    };
    bool r = true;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char *value = store_read(xs, t, BACKEND "/0/%s-%u", pair->dm, keys[i],
                                 from);

        r = r && (!value || store_write(xs, t, value, BACKEND "/0/%s-%u",
                                        pair->guest, keys[i], to));
        free(value);
    }
    return r;
}

static int devices_add(struct xs_handle *xs, xs_transaction_t t, void *data)
{
    struct pair *pair = data;
    unsigned int n = devices_count(xs, t, pair->dm);
    unsigned int known = devices_count(xs, t, pair->guest), had = known;
    char text[16];

    for (unsigned int i = 0; i < n && known < DEVICES_MAX; i++) {
        char *address = store_read(xs, t, BACKEND "/0/dev-%u", pair->dm, i);
        bool fresh = address && !is_detached(xs, t, pair->dm, i) &&
                     !has_device(xs, t, pair->guest, known, address);

        free(address);
        if (!fresh)
            continue;
        if (!device_copy(xs, t, pair, i, known))
            return -1;
        known++;
    }
    pair->changed = known != had;
    snprintf(text, sizeof(text), "%u", known);
    return !pair->changed ||
           store_write(xs, t, text, BACKEND "/0/num_devs", pair->guest) ? 0 :
           -1;
}

static void allow_interrupts(uint32_t dm, const char *address)
{
    int fd = open(PCIBACK "/allow_interrupt_control", O_WRONLY | O_CLOEXEC);
    size_t n = strlen(address);

    if (fd < 0 || write(fd, address, n) != (ssize_t)n)
        log_error("domain %u: xen-pciback does not let it use the interrupts "
                  "of PCI device %s: %s; the guest may find the device dead "
                  "(Linux in dom0 has to be 5.6 or newer)", dm, address,
                  strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* Why a device will not come, which libxl waits a minute for. */
static void image_check(struct xs_handle *xs, uint32_t guest, uint32_t dm)
{
    struct stubdom_memory memory;
    bool enough = stubdom_memory_is_enough(&memory, xs, guest, dm);

    if (memory.pci == IMAGE_PCI_LACKS)
        log_error("domain %u: its stubdomain's kernel has no xen-pcifront, so "
                  "its PCI devices will not come; mkstubdom -k names another",
                  guest);
    else if (!enough)
        log_error("domain %u: its stubdomain has %u MiB of memory, and needs "
                  "%u with its PCI devices, which may not come: set "
                  "stubdomain_memory = %u in the guest's configuration", guest,
                  memory.has_mib, memory.needs_mib, memory.needs_mib);
}

/* Once: a frontend could have it said again and again. An error that it goes
 * on after stands in the same place. */
static void failure_tell(struct xs_handle *xs, uint32_t guest, uint32_t dm)
{
    char *why = store_read(xs, XBT_NULL, FAILURE, dm), path[STORE_PATH_MAX];

    if (!why)
        return;
    snprintf(path, sizeof(path), FAILURE, dm);
    if (xs_unwatch(xs, path, PCI_TOKEN))
        log_error("domain %u: xen-pciback has given up its PCI devices for "
                  "domain %u: %s; none can be detached any more: xl destroy "
                  "%u sets them free", guest, dm, why, guest);
    free(why);
}

bool pci_watch(struct xs_handle *xs, uint32_t dm)
{
    char path[STORE_PATH_MAX];

    snprintf(path, sizeof(path), BACKEND, dm);
    if (!xs_watch(xs, path, PCI_TOKEN))
        return false;
    snprintf(path, sizeof(path), FAILURE, dm);
    return xs_watch(xs, path, PCI_TOKEN);
}

void pci_follow(struct xs_handle *xs, uint32_t guest, uint32_t dm)
{
    struct pair pair = { .guest = guest, .dm = dm };
    unsigned int n = devices_count(xs, XBT_NULL, dm);

    if (has_given_up(xs, XBT_NULL, dm)) {
        failure_tell(xs, guest, dm);
        return;
    }
    if (n && store_transaction(xs, devices_add, &pair)) {
        log_error("domain %u: its PCI devices cannot be written down for "
                  "domain %u: %s; xl pci-list and pci-detach will not know "
                  "them", dm, guest, strerror(errno));
        return;
    }
    if (pair.changed)
        image_check(xs, guest, dm);
    for (unsigned int i = 0; pair.changed && i < n; i++) {
        char *address = store_read(xs, XBT_NULL, BACKEND "/0/dev-%u", dm, i);

        if (address)
            allow_interrupts(dm, address);
        free(address);
    }
}

void pci_end(struct xs_handle *xs, uint32_t guest)
{
    if (store_domain_is_gone(xs, guest))
        store_rm(xs, XBT_NULL, BACKEND, guest);
}
