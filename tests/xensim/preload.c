/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The simulated hypervisor with the ABI of libxenevtchn, libxengnttab,
 * libxenforeignmemory and of those calls of libxenctrl that xenstored and
 * xenconsoled make: for LD_PRELOAD. Those who call have been linked with
 * the real libraries, whose versions of these symbols are then not used.
 */
#define XC_WANT_COMPAT_MAP_FOREIGN_API
#include "config.h"
#include "xensim.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>

struct xenevtchn_handle {
    int handle, fd;
};

static void *nothing(void)
{
    static int object;

    return xensim_attach() ? NULL : &object;
}

/* --- Event channels --------------------------------------------------- */

xenevtchn_handle *xenevtchn_open(xentoollog_logger *logger,
                                 unsigned int flags)
{
    xenevtchn_handle *xce = malloc(sizeof(*xce));

    (void)logger;
    if (xce && !xensim_attach())
        xce->handle = xensim_handle_open(&xce->fd);
    if (!xce || !xensim || xce->handle < 0) {
        free(xce);
        return NULL;
    }
    if (flags & XENEVTCHN_NO_CLOEXEC)
        fcntl(xce->fd, F_SETFD, 0);
    return xce;
}

int xenevtchn_close(xenevtchn_handle *xce)
{
    if (xce)
        xensim_handle_close(xce->handle, xce->fd);
    free(xce);
    return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
    return xce->fd;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    (void)xce;
    return xensim_notify(0, port);
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(
    xenevtchn_handle *xce, uint32_t domid, evtchn_port_t remote_port)
{
    return xensim_port_bind(xce->handle, domid, remote_port);
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce,
                                              unsigned int virq)
{
    return xensim_port_bind_virq(xce->handle, virq);
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
    (void)xce;
    return xensim_port_close(0, port);
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
    uint32_t port;

    return read(xce->fd, &port, sizeof(port)) == sizeof(port) ? (int)port :
           -1;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
    (void)xce;
    if (!xensim_port(0, port)) {
        errno = EINVAL;
        return -1;
    }
    xensim_port_unmask(0, port);
    return 0;
}

/* --- Memory ----------------------------------------------------------- */

static void *page_map(uint32_t domid, uint64_t page, bool grant)
{
    struct xensim_domain *domain = &xensim->domains[domid];
    void *mapped;

    errno = EINVAL;
    if (domid >= XENSIM_DOMAINS || page >= XENSIM_PAGES ||
        !domain->exists || domain->dying ||
        (grant && !domain->granted[page]))
        return NULL;
    mapped = xensim_page_map(domid, (uint32_t)page);
    if (mapped)
        atomic_fetch_add(&xensim->mapped, 1);
    return mapped;
}

static int page_unmap(void *page)
{
    if ((uintptr_t)page % XENSIM_PAGE) {
        errno = EINVAL;
        return -1;
    }
    xensim_page_unmap(page);
    atomic_fetch_add(&xensim->unmapped, 1);
    return 0;
}

xengnttab_handle *xengnttab_open(xentoollog_logger *logger,
                                 unsigned int flags)
{
    (void)logger;
    (void)flags;
    return nothing();
}

int xengnttab_close(xengnttab_handle *xgt)
{
    (void)xgt;
    return 0;
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t n)
{
    (void)xgt;
    (void)n;
    return 0;
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid,
                              uint32_t ref, int prot)
{
    (void)xgt;
    (void)prot;
    return page_map(domid, ref, true);
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start, uint32_t n)
{
    (void)xgt;
    (void)n;                    /* nobody here maps more than one */
    return page_unmap(start);
}

xenforeignmemory_handle *xenforeignmemory_open(xentoollog_logger *logger,
                                               unsigned int flags)
{
    (void)logger;
    (void)flags;
    return nothing();
}

int xenforeignmemory_close(xenforeignmemory_handle *fmem)
{
    (void)fmem;
    return 0;
}

void *xenforeignmemory_map(xenforeignmemory_handle *fmem, uint32_t domid,
                           int prot, size_t n, const xen_pfn_t pfns[],
                           int errors[])
{
    (void)fmem;
    (void)prot;
    (void)errors;
    if (n != 1) {
        errno = EINVAL;
        return NULL;
    }
    return page_map(domid, pfns[0], false);
}

/* oxenstored's way, which is not counted, for it unmaps by munmap(). */
void *xc_map_foreign_range(xc_interface *xch, uint32_t domid, int size,
                           int prot, unsigned long mfn)
{
    (void)xch, (void)size, (void)prot;
    return xensim_page_map(domid, (uint32_t)mfn);
}

int xenforeignmemory_unmap(xenforeignmemory_handle *fmem, void *start,
                           size_t n)
{
    (void)fmem;
    (void)n;
    return page_unmap(start);
}

/* --- Domains ---------------------------------------------------------- */

xc_interface *xc_interface_open(xentoollog_logger *logger,
                                xentoollog_logger *dombuild,
                                unsigned int flags)
{
    (void)logger;
    (void)dombuild;
    (void)flags;
    return nothing();
}

int xc_interface_close(xc_interface *xch)
{
    (void)xch;
    return 0;
}

#if XENQMP_XEN_MAJOR == 4 && XENQMP_XEN_MINOR < 18
int xc_domain_getinfo(xc_interface *xch, uint32_t first, unsigned int max,
                      xc_dominfo_t *info)
{
    unsigned int n = 0;

    (void)xch;
    for (uint32_t i = first; i < XENSIM_DOMAINS && n < max; i++) {
        if (!xensim->domains[i].exists)
            continue;
        memset(&info[n], 0, sizeof(info[n]));
        info[n].domid = i;
        info[n].running = 1;
        info[n].shutdown = xensim->domains[i].shut_down;
        info[n].shutdown_reason = xensim->domains[i].reason;
        info[n++].dying = xensim->domains[i].dying;
    }
    return n ? (int)n : -1;
}
#endif

static uint32_t flags_of(const struct xensim_domain *domain)
{
    if (domain->dying)
        return XEN_DOMINF_dying;
    if (domain->shut_down)
        return XEN_DOMINF_shutdown |
               domain->reason << XEN_DOMINF_shutdownshift;
    return domain->paused ? XEN_DOMINF_paused : XEN_DOMINF_running;
}

int xc_domain_getinfolist(xc_interface *xch, uint32_t first,
                          unsigned int max, xc_domaininfo_t *info)
{
    unsigned int n = 0;

    (void)xch;
    for (uint32_t i = first; i < XENSIM_DOMAINS && n < max; i++) {
        if (!xensim->domains[i].exists)
            continue;
        memset(&info[n], 0, sizeof(info[n]));
        info[n].domain = (domid_t)i;
        info[n++].flags = flags_of(&xensim->domains[i]);
    }
    return (int)n;
}

#if XENQMP_XEN_MAJOR > 4 || XENQMP_XEN_MINOR >= 18
int xc_domain_getinfo_single(xc_interface *xch, uint32_t domid,
                             xc_domaininfo_t *info)
{
    xc_domaininfo_t unasked;    /* whether there is one */

    info = info ? info : &unasked;
    if (xc_domain_getinfolist(xch, domid, 1, info) == 1 &&
        info->domain == domid)
        return 0;
    errno = ESRCH;
    return -1;
}
#endif

int xc_version(xc_interface *xch, int cmd, void *arg)
{
    (void)xch, (void)cmd, (void)arg;
    return xensim->version ? xensim->version :
           XENQMP_XEN_MAJOR << 16 | XENQMP_XEN_MINOR;
}

int xc_evtchn_status(xc_interface *xch, xc_evtchn_status_t *status)
{
    struct xensim_port *port = xensim_port(status->dom == DOMID_SELF ? 0 :
                                           status->dom, status->port);

    (void)xch;
    if (!port) {
        errno = EINVAL;
        return -1;
    }
    status->status = port->state == XENSIM_BOUND ? EVTCHNSTAT_interdomain :
                     port->state == XENSIM_UNBOUND ? EVTCHNSTAT_unbound :
                     port->state == XENSIM_VIRQ ? EVTCHNSTAT_virq :
                     EVTCHNSTAT_closed;
    status->u.interdomain.dom = (domid_t)port->remote_domid;
    status->u.interdomain.port = port->remote_port;
    return 0;
}

int xc_readconsolering(xc_interface *xch, char *bytes,
                       unsigned int *n_upd, int clear, int incremental,
                       uint32_t *index_upd)
{
    uint32_t from = incremental ? *index_upd : 0;
    unsigned int n = xensim->log_n - from;

    (void)xch;
    (void)clear;
    if (n > *n_upd)
        n = *n_upd;
    memcpy(bytes, xensim->log + from, n);
    *n_upd = n;
    *index_upd = from + n;
    return 0;
}

/* --- What Linux tells xenstored about itself -------------------------- */

static int xenbus_open(const char *name)
{
    char path[PATH_MAX], text[16];
    int fd;

    if (xensim_attach())
        return -1;
    if (!strcmp(name, "xsd_kva")) {     /* dom0's page 0 */
        snprintf(path, sizeof(path), "%s/pages", getenv(XENSIM_ENV));
        return openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    }
    /* A port of dom0's own that nobody ever notifies. */
    snprintf(path, sizeof(path), "%s/xsd_port", getenv(XENSIM_ENV));
    fd = openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
                0600);
    snprintf(text, sizeof(text), "%d",
             xensim_port_alloc(0, XENSIM_HANDLES - 1, 0));
    if (fd >= 0 && (write(fd, text, strlen(text)) < 0 ||
                    lseek(fd, 0, SEEK_SET)))
        return -1;
    return fd;
}

/* oxenstored raises its limit of descriptors, which not every container
 * lets it. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    int r = (int)syscall(SYS_setrlimit, resource, limit);

    return strcmp(program_invocation_short_name, "oxenstored") ? r : 0;
}

/* oxenstored of 4.19 and later looks for parts of itself where Xen is
 * installed; here they are beside it. path_r: 2 * PATH_MAX bytes. */
static const char *beside(const char *path, char *path_r)
{
    static const char parts[] = "/ocaml/xsd_glue/";
    const char *part = path ? strstr(path, parts) : NULL;
    char exe[PATH_MAX] = "";

    if (!part || readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
        return path;
    /* It is in bin/. */
    for (int i = 0; i < 2 && strrchr(exe, '/'); i++)
        *strrchr(exe, '/') = '\0';
    snprintf(path_r, 2 * PATH_MAX, "%s%s", exe, part);
    return path_r;
}

void *dlopen(const char *path, int flags)
{
    void *(*next)(const char *path, int flags) = dlsym(RTLD_NEXT, "dlopen");
    char other[2 * PATH_MAX];

    return next(beside(path, other), flags);
}

DIR *opendir(const char *path)
{
    DIR *(*next)(const char *path) = dlsym(RTLD_NEXT, "opendir");
    char other[2 * PATH_MAX];

    return next(beside(path, other));
}

int stat64(const char *path, struct stat64 *st)
{
    char other[2 * PATH_MAX];

    return fstatat64(AT_FDCWD, beside(path, other), st, 0);
}

int open(const char *path, int flags, ...)
{
    static const char proc_xen[] = "/proc/xen/";
    mode_t mode = 0;
    va_list ap;

    if (!strncmp(path, proc_xen, strlen(proc_xen)))
        return xenbus_open(path + strlen(proc_xen));
    if (flags & (O_CREAT | O_TMPFILE)) {
        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
