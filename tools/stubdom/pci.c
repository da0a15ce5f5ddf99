/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pci.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include <xen/io/xenbus.h>

#include "tools/common/log.h"

#define FRONTEND "device/pci/0"
#define CONNECT_MS 10000
#define LOOK_MS 5

/* domain:bus:device.function; libxl writes the last with two digits. */
struct address {
    unsigned int domain, bus, device, function;
};

static bool address_parse(const char *text, struct address *r)
{
    int end = 0;

    return text &&
           sscanf(text, "%4x:%2x:%2x.%2x%n", &r->domain, &r->bus, &r->device,
                  &r->function, &end) == 4 &&
           !text[end] && r->device < 32 && r->function < 8;
}

static char *read_node(struct pci *pci, const char *path)
{
    unsigned int n;

    return xs_read(pci->xs, XBT_NULL, path, &n);
}

static char *read_at(struct pci *pci, const char *key, unsigned int n)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s-%u", pci->backend, key, n);
    return read_node(pci, path);
}

static unsigned int devices_count(struct pci *pci)
{
    char path[256], *text;
    unsigned long n;

    snprintf(path, sizeof(path), "%s/num_devs", pci->backend);
    text = read_node(pci, path);
    n = text ? strtoul(text, NULL, 10) : 0;
    free(text);
    return n < PCI_DEVICES_MAX ? (unsigned int)n : PCI_DEVICES_MAX;
}

/* The link of the backend's n-th device, if it has been told both
 * addresses. */
static bool link_of(struct pci *pci, unsigned int n, char *name, size_t size,
                    char *target, size_t target_size)
{
    char *host = read_at(pci, "dev", n), *here = read_at(pci, "vdev", n);
    struct address h, v;
    bool r = address_parse(host, &h) && address_parse(here, &v);

    if (r) {
        snprintf(name, size, "%s/%04x:%02x:%02x.%x", pci->links, h.domain,
                 h.bus, h.device, h.function);
        snprintf(target, target_size, "%s/pci%04x:%02x/%04x:%02x:%02x.%x",
                 pci->devices, v.domain, v.bus, v.domain, v.bus, v.device,
                 v.function);
    }
    free(host);
    free(here);
    return r;
}

static bool link_is(const char *name, const char *target)
{
    char is[PATH_MAX];
    ssize_t n = readlink(name, is, sizeof(is));

    return n >= 0 && (size_t)n == strlen(target) &&
           !memcmp(is, target, (size_t)n);
}

/* Those that are not among the n wanted go. */
static void links_prune(struct pci *pci, char wanted[][64], unsigned int n)
{
    DIR *dir = opendir(pci->links);
    struct dirent *entry;
    char name[PATH_MAX];

    while (dir && (entry = readdir(dir))) {
        bool keep = entry->d_name[0] == '.';

        snprintf(name, sizeof(name), "%s/%s", pci->links, entry->d_name);
        for (unsigned int i = 0; i < n && !keep; i++)
            keep = !strcmp(wanted[i], name);
        if (!keep)
            unlink(name);
    }
    if (dir)
        closedir(dir);
}

static bool is_connecting(struct pci *pci)
{
    char *state = read_node(pci, FRONTEND "/state");
    bool r = state && atoi(state) < XenbusStateConnected;

    free(state);
    return r;
}

/* libxl asks QEMU for the first device when the backend has connected, which
 * it does before the frontend looks what there is. */
static void frontend_wait(struct pci *pci)
{
    int ms = CONNECT_MS;

    for (; is_connecting(pci) && ms; ms -= LOOK_MS)
        usleep(LOOK_MS * 1000);
    if (!ms)
        log_error("xen-pcifront does not connect to %s in xenstore; PCI "
                  "devices will not be found", pci->backend);
}

static void backend_find(struct pci *pci)
{
    char *backend = read_node(pci, FRONTEND "/backend");

    if (pci->backend && (!backend || strcmp(backend, pci->backend))) {
        xs_unwatch(pci->xs, pci->backend, "backend");
        free(pci->backend);
        pci->backend = NULL;
    }
    if (pci->backend || !backend) {
        free(backend);
        return;
    }
    pci->backend = backend;
    if (!xs_watch(pci->xs, backend, "backend"))
        log_error("cannot follow %s in xenstore: %s; PCI devices will not be "
                  "found", backend, strerror(errno));
    if (!pci->loaded)
        pci->has_driver = !pci->load();
    pci->loaded = true;
    if (pci->has_driver)
        frontend_wait(pci);
}

static void links_follow(struct pci *pci)
{
    char wanted[PCI_DEVICES_MAX][64], target[PATH_MAX];
    unsigned int n = 0;

    for (unsigned int i = 0; i < pci->devices_n; i++) {
        if (!link_of(pci, i, wanted[n], sizeof(wanted[n]), target,
                     sizeof(target)))
            continue;
        if (!link_is(wanted[n], target)) {
            unlink(wanted[n]);
            if (symlink(target, wanted[n]))
                log_error("cannot make %s: %s; QEMU will not find the PCI "
                          "device", wanted[n], strerror(errno));
            else
                log_info("PCI device %s is %s here", strrchr(wanted[n], '/') + 1,
                         strrchr(target, '/') + 1);
        }
        n++;
    }
    links_prune(pci, wanted, n);
}

void pci_follow(struct pci *pci)
{
    backend_find(pci);
    pci->devices_n = pci->backend ? devices_count(pci) : 0;
    if (pci->links)
        links_follow(pci);
}

void pci_catch_up(struct pci *pci)
{
    bool any = false;
    char **watch;

    while ((watch = xs_check_watch(pci->xs))) {
        any = true;
        free(watch);
    }
    if (any)
        pci_follow(pci);
}

static void xs_ready(void *data, uint32_t events)
{
    (void)events;
    pci_catch_up(data);
}

int pci_start(struct pci *pci)
{
    if (pci->links && pci->mount && mount("pci", pci->links, "tmpfs", 0, NULL))
        log_error("cannot mount a tmpfs on %s: %s; PCI devices will not be "
                  "found", pci->links, strerror(errno));
    if (!xs_watch(pci->xs, FRONTEND, "frontend") ||
        loop_add(pci->loop, xs_fileno(pci->xs), EPOLLIN, xs_ready, pci,
                 &pci->id))
        return -1;
    pci_follow(pci);
    return 0;
}
