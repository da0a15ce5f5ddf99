/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hv.h"

#include "tools/common/log.h"
#include "tools/common/xen_version.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xentoollog.h>
#include <xen/grant_table.h>
#include <xen/sys/evtchn.h>

/* Domains asked for by one hypercall. */
#define HV_DOMAINS_BATCH 64

struct hv {
    xentoollog_logger vtable;   /* what the libraries log through */
    xc_interface *xc;
    xenevtchn_handle *evtchn;
    xengnttab_handle *gnttab;
    xenforeignmemory_handle *memory;
    void **ports;               /* data by local port */
    size_t ports_n;
    size_t missed;              /* ports below that may have an event, too */
    uint32_t console_index;     /* of hv_console_read() */
};

/* The libraries log what a guest can cause, such as a bad reference. */
static void hv_log(xentoollog_logger *logger, xentoollog_level level,
                   int errnoval, const char *context, const char *format,
                   va_list ap)
{
    char text[256];

    (void)logger;
    if (level < XTL_WARN)
        return;
    vsnprintf(text, sizeof(text), format, ap);
    log_guest(0, LOG_LEVEL_DEBUG, "%s: %s%s%s", context ? context : "xen",
              text, errnoval >= 0 ? ": " : "",
              errnoval >= 0 ? strerror(errnoval) : "");
}

static void hv_log_destroy(xentoollog_logger *logger)
{
    (void)logger;
}

/* Where another Xen happens to understand libxenctrl, its start script finds
 * Xen's own daemon, and two would serve each ring. */
static bool hv_is_other(struct hv *hv)
{
    char why[XEN_VERSION_WHY_MAX];

    if (!xen_version_is_other(xc_version(hv->xc, XENVER_version, NULL), why))
        return false;
    log_error("%s; until then xenconsoled serves nobody, and leaves the "
              "consoles to Xen's own", why);
    return true;
}

struct hv *hv_open(bool *other_r)
{
    struct hv *hv = calloc(1, sizeof(*hv));
    const char *what = "memory";
    int fd;

    *other_r = false;
    if (!hv)
        goto out;
    hv->vtable.vmessage = hv_log;
    hv->vtable.destroy = hv_log_destroy;

    what = "Xen (/dev/xen/privcmd)";
    hv->xc = xc_interface_open(&hv->vtable, &hv->vtable, 0);
    if (!hv->xc)
        goto out;
    *other_r = hv_is_other(hv);
    if (*other_r) {
        hv_close(hv);
        return NULL;
    }
    what = "event channels (/dev/xen/evtchn)";
    hv->evtchn = xenevtchn_open(&hv->vtable, 0);
    if (!hv->evtchn)
        goto out;
    fd = xenevtchn_fd(hv->evtchn);
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
        goto out;
    what = "guests' memory (/dev/xen/privcmd)";
    hv->memory = xenforeignmemory_open(&hv->vtable, 0);
    if (!hv->memory)
        goto out;
    what = "grants (/dev/xen/gntdev)";
    hv->gnttab = xengnttab_open(&hv->vtable, 0);
    if (!hv->gnttab)
        goto out;
    return hv;

out:
    log_error("cannot use %s: %s; is this dom0 of a Xen host, with the "
              "modules xen-evtchn, xen-gntdev and xen-privcmd loaded?",
              what, strerror(errno));
    hv_close(hv);
    return NULL;
}

void hv_close(struct hv *hv)
{
    if (!hv)
        return;
    if (hv->gnttab)
        xengnttab_close(hv->gnttab);
    if (hv->memory)
        xenforeignmemory_close(hv->memory);
    if (hv->evtchn)
        xenevtchn_close(hv->evtchn);
    if (hv->xc)
        xc_interface_close(hv->xc);
    free(hv->ports);
    free(hv);
}

int hv_map_primary(struct hv *hv, uint32_t domid, uint64_t gfn,
                   struct hv_page *r)
{
    xen_pfn_t pfn = gfn;

    *r = (struct hv_page){ .foreign = false };
    r->page = xengnttab_map_grant_ref(hv->gnttab, domid,
                                      GNTTAB_RESERVED_CONSOLE,
                                      PROT_READ | PROT_WRITE);
    if (r->page)
        return 0;
    r->foreign = true;
    r->page = xenforeignmemory_map(hv->memory, domid,
                                   PROT_READ | PROT_WRITE, 1, &pfn, NULL);
    return r->page ? 0 : -1;
}

int hv_map_grant(struct hv *hv, uint32_t domid, uint32_t ref,
                 struct hv_page *r)
{
    *r = (struct hv_page){ .foreign = false };
    r->page = xengnttab_map_grant_ref(hv->gnttab, domid, ref,
                                      PROT_READ | PROT_WRITE);
    return r->page ? 0 : -1;
}

void hv_unmap(struct hv *hv, struct hv_page *page)
{
    if (!page->page)
        return;
    if (page->foreign)
        xenforeignmemory_unmap(hv->memory, page->page, 1);
    else
        xengnttab_unmap(hv->gnttab, page->page, 1);
    page->page = NULL;
}

int hv_fd(const struct hv *hv)
{
    return xenevtchn_fd(hv->evtchn);
}

/* Enters a port that was just bound; undoes the binding without memory. */
static int port_enter(struct hv *hv, int port, void *data)
{
    size_t index = (size_t)port;

    if (port < 0)
        return -1;
    if (index >= hv->ports_n) {
        size_t n = (index + 256) & ~(size_t)255;
        void **ports = realloc(hv->ports, n * sizeof(*ports));

        if (!ports) {
            xenevtchn_unbind(hv->evtchn, (evtchn_port_t)port);
            errno = ENOMEM;
            return -1;
        }
        memset(ports + hv->ports_n, 0,
               (n - hv->ports_n) * sizeof(*ports));
        hv->ports = ports;
        hv->ports_n = n;
    }
    hv->ports[index] = data;
    return port;
}

int hv_bind(struct hv *hv, uint32_t domid, uint32_t remote_port, void *data)
{
    return port_enter(hv, xenevtchn_bind_interdomain(hv->evtchn, domid,
                                                     remote_port), data);
}

int hv_bind_console_virq(struct hv *hv, void *data)
{
    return port_enter(hv, xenevtchn_bind_virq(hv->evtchn, VIRQ_CON_RING),
                      data);
}

void hv_unbind(struct hv *hv, int port)
{
    hv->ports[port] = NULL;
    xenevtchn_unbind(hv->evtchn, (evtchn_port_t)port);
}

void hv_notify(struct hv *hv, int port)
{
    xenevtchn_notify(hv->evtchn, (evtchn_port_t)port);
}

void hv_unmask(struct hv *hv, int port)
{
    xenevtchn_unmask(hv->evtchn, (evtchn_port_t)port);
}

bool hv_port_is_bound(struct hv *hv, int port)
{
    xc_evtchn_status_t status = {
        .dom = DOMID_SELF,
        .port = (uint32_t)port,
    };

    return !xc_evtchn_status(hv->xc, &status) &&
           status.status == EVTCHNSTAT_interdomain;
}

/* What xenevtchn_pending() reads one by one, and once more to see that there
 * are none: Linux gives all of them at once (xen/evtchn.h). It has room for as
 * many as there are ports, and one that was bound anew may need two: beyond
 * that it gives nothing but EFBIG until it is reset, and any port may have had
 * an event. */
ssize_t hv_pending(struct hv *hv, uint32_t ports_r[HV_PORTS_MAX])
{
    ssize_t n = 0;

    if (!hv->missed) {
        n = read(hv_fd(hv), ports_r, HV_PORTS_MAX * sizeof(*ports_r));
        if (n >= 0)
            return n / (ssize_t)sizeof(*ports_r);
        if (errno == EAGAIN || errno == EINTR)
            return 0;
        if (errno != EFBIG || ioctl(hv_fd(hv), IOCTL_EVTCHN_RESET))
            return -1;
        n = 0;
        hv->missed = hv->ports_n;
    }
    for (; hv->missed && n < HV_PORTS_MAX; hv->missed--)
        if (hv->ports[hv->missed - 1])
            ports_r[n++] = (uint32_t)hv->missed - 1;
    return n;
}

void *hv_port_data(const struct hv *hv, uint32_t port)
{
    return port < hv->ports_n ? hv->ports[port] : NULL;
}

bool hv_domain_is_alive(struct hv *hv, uint32_t domid)
{
    xc_domaininfo_t info;

    return xc_domain_getinfolist(hv->xc, domid, 1, &info) == 1 &&
           info.domain == domid && !(info.flags & XEN_DOMINF_dying);
}

static_assert(sizeof(xen_domain_handle_t) == HV_ID_SIZE, "a UUID");

/* A suspended one may go on. */
static bool has_shut_down(const xc_domaininfo_t *info)
{
    unsigned int reason = (info->flags >> XEN_DOMINF_shutdownshift) &
                          XEN_DOMINF_shutdownmask;

    return info->flags & XEN_DOMINF_shutdown && reason != SHUTDOWN_suspend;
}

int hv_domains(struct hv *hv, hv_domain_fn *fn, void *data)
{
    xc_domaininfo_t info[HV_DOMAINS_BATCH];
    uint32_t next = 1;
    int n;

    do {
        n = xc_domain_getinfolist(hv->xc, next, HV_DOMAINS_BATCH, info);
        for (int i = 0; i < n; i++) {
            if (!(info[i].flags & XEN_DOMINF_dying))
                fn(data, info[i].domain, info[i].handle,
                   has_shut_down(&info[i]));
            next = info[i].domain + 1U;
        }
    } while (n == HV_DOMAINS_BATCH);
    return n < 0 ? -1 : 0;
}

size_t hv_console_read(struct hv *hv, char *bytes, size_t size)
{
    unsigned int n = (unsigned int)size;

    if (xc_readconsolering(hv->xc, bytes, &n, 0, 1, &hv->console_index))
        return 0;
    return n;
}
