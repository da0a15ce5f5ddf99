/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What xl-qmp asks of libxl: domains' names and numbers, and what it has
 * noted in xenstore. Opened only when asked, so that what needs no Xen works without.
 */
#ifndef XENQMP_XL_HOST_H
#define XENQMP_XL_HOST_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <xentoollog.h>

#include "tools/common/stubdom_memory.h"
#include "tools/common/stubdom_state.h"

/* Zero-initialised but for the logger. */
struct host {
    /* the caller sets */
    xentoollog_logger *logger;  /* or NULL */
    /* private */
    struct libxl__ctx *libxl;
    xentoollog_logger *quiet;
    bool tried;
};

/* Idempotent. */
void host_dispose(struct host *host);

/* False: there is no Xen here that we may talk to. */
bool host_open(struct host *host);

enum host_found { HOST_FOUND, HOST_NO_XEN, HOST_NO_DOMAIN };
/* By name, number or UUID. */
enum host_found host_find(struct host *host, const char *name,
                          uint32_t *domid_r);

/* Its name, to be freed; NULL: unknown. */
char *host_domain_name(struct host *host, uint32_t domid);

/* The domid of its stubdomain. False: it has none. */
bool host_stubdom(struct host *host, uint32_t domid, uint32_t *domid_r);

/* What a stubdomain booted from, as libxl has noted it, and when. */
struct host_boot {
    time_t time;
    char kernel[PATH_MAX], ramdisk[PATH_MAX];   /* "": not noted */
};
/* False: nothing is noted. */
bool host_boot(struct host *host, uint32_t stubdom,
               struct host_boot *boot_r);
/* False: its stubdomain has too little memory. */
bool host_memory_is_enough(struct host *host, uint32_t domid,
                           uint32_t stubdom,
                           struct stubdom_memory *memory_r);

/* Calls fn for each domain there is. False: Xen cannot be asked. */
typedef void host_domain_fn(uint32_t domid, void *data);
bool host_domains(struct host *host, host_domain_fn *fn, void *data);

/* How a domain is, a stubdomain or not. A guest that is being made is
 * PAUSED. UNKNOWN: Xen cannot be asked. */
enum stubdom_state host_state(struct host *host, uint32_t domid);

/* Whether Xen has an IOMMU for HVM guests' devices. False: it cannot be
 * asked. */
bool host_iommu(struct host *host, bool *has_r);

enum host_pci {
    HOST_PCI_FREE,      /* nobody's, or Xen cannot be asked */
    HOST_PCI_GIVEN,     /* libxl has given it to a guest */
    HOST_PCI_HELD,      /* it could not, or not take it back: xen-pciback
                           keeps it for that guest */
};
/* Whose a PCI device of the host's is: the guest's, also if its stubdomain
 * has it. address: 0000:03:00.0. */
enum host_pci host_pci_owner(struct host *host, const char *address,
                             uint32_t *domid_r);

/* Xen's. False: it cannot be asked. */
bool host_version(struct host *host, int *major_r, int *minor_r);

#endif
