/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A simulated hypervisor for tests: domains, their pages, event channels
 * and Xen's own console, in two sparse files that every process maps.
 * preload.c gives it the ABI of Xen's libraries, so that a xenstored and a
 * xenconsoled, Debian's or ours, run on it unchanged as those of dom0;
 * guest.h is the side of the guests, which a test plays.
 *
 * It behaves as Xen and Linux' evtchn driver do in what a console backend
 * can see (xen/common/event_channel.c, drivers/xen/evtchn.c):
 *
 *  - a port of dom0 that was delivered stays masked until it is unmasked;
 *    what comes meanwhile is delivered then, once
 *  - a fresh binding is pending, masked or not
 *  - one end closed, the other falls back to "unbound", and the same two
 *    may bind again: so does a backend that comes back
 *  - a process that dies closes what was bound through its handles; here
 *    that is noticed when somebody asks for the port
 *  - a grant is mapped if the guest has granted it; what is mapped stays
 *    so after the domain's end
 *
 * Not simulated: memory that is unmapped from under a backend, more than
 * one CPU's VIRQs, grant version 2, and everything else about Xen.
 *
 * An event channel handle is a FIFO, into which others write the port's
 * number: it can be waited for as the device can.
 */
#ifndef XENQMP_TESTS_XENSIM_XENSIM_H
#define XENQMP_TESTS_XENSIM_XENSIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The directory of a hypervisor, for all of its processes. */
#define XENSIM_ENV "XENSIM"

#define XENSIM_DOMAINS  1040            /* domids below this */
#define XENSIM_PAGES    16              /* of each, grant = frame = index */
#define XENSIM_PORTS    8192            /* of dom0; guests have fewer: */
#define XENSIM_GUEST_PORTS 16
#define XENSIM_HANDLES  1200            /* event channel devices opened */
#define XENSIM_LOG_SIZE 65536
#define XENSIM_PAGE     4096

enum xensim_port_state {
    XENSIM_FREE,
    XENSIM_UNBOUND,             /* waits for its remote domain */
    XENSIM_BOUND,
    XENSIM_VIRQ,
};

struct xensim_port {
    enum xensim_port_state state;
    uint32_t handle;            /* whom events go to */
    uint32_t remote_domid, remote_port, virq;
    uint32_t turn;              /* of a guest's: of all that dom0 has bound,
                                 * from 1 */
    _Atomic uint32_t flags;     /* XENSIM_PENDING, XENSIM_MASKED */
};
#define XENSIM_PENDING 1u
#define XENSIM_MASKED  2u

struct xensim_domain {
    bool exists, dying, paused, shut_down;
    unsigned int reason;        /* of shut_down: Xen's SHUTDOWN_... */
    bool granted[XENSIM_PAGES];
    struct xensim_port ports[XENSIM_GUEST_PORTS];
};

struct xensim_state {
    struct xensim_domain domains[XENSIM_DOMAINS];
    struct xensim_port ports[XENSIM_PORTS];     /* dom0's */
    bool handles[XENSIM_HANDLES];
    uint32_t bound;             /* since the start */
    /* Since the start: pages that were mapped, and unmapped again. */
    _Atomic uint64_t mapped, unmapped;
    int version;                /* as XENVER_version has it; 0: ours */
    uint32_t log_n;             /* bytes of Xen's log, never read away */
    char log[XENSIM_LOG_SIZE];
};

extern struct xensim_state *xensim;

/* Makes an empty hypervisor in dir. -1: errno. */
int xensim_create(const char *dir);
/* Uses the hypervisor of $XENSIM; once is enough. -1: errno. */
int xensim_attach(void);

/* Between processes and threads; not recursive. */
void xensim_lock(void);
void xensim_unlock(void);

/* A new event channel device: its number, and what it is read from.
 * -1: errno. */
int xensim_handle_open(int *fd_r);
void xensim_handle_close(int handle, int fd);

/* All of these hold the lock themselves. -1: errno, as the device's. */
struct xensim_port *xensim_port(uint32_t domid, uint32_t port);
int xensim_port_alloc(uint32_t domid, int handle, uint32_t remote_domid);
int xensim_port_bind(int handle, uint32_t domid, uint32_t remote_port);
int xensim_port_bind_virq(int handle, uint32_t virq);
int xensim_port_close(uint32_t domid, uint32_t port);

/* A port as a FIFO has it. */
uint32_t xensim_token(uint32_t domid, uint32_t port);
/* The event goes to the port itself, not to its remote one. */
void xensim_port_raise(uint32_t domid, uint32_t port);
void xensim_port_unmask(uint32_t domid, uint32_t port);
void xensim_virq_raise(uint32_t virq);
/* To the other end of the port, if it is bound. -1: EINVAL. */
int xensim_notify(uint32_t domid, uint32_t port);

/* A page of a domain, mapped; NULL: errno. */
void *xensim_page_map(uint32_t domid, uint32_t page);
void xensim_page_unmap(void *page);

#endif
