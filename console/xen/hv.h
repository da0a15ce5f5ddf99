/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Xen gives a console backend: pages, event channels, domains.
 *
 * One event-channel handle for all consoles: ports are looked up in an
 * array, so an event costs the same with one guest and with a thousand.
 * Ports arrive masked; hv_unmask() lets the next event of one come. A port
 * can still arrive once after its unbind, or after its number was given to
 * another console: a wake-up without cause, which is harmless.
 */
#ifndef XENQMP_CONSOLE_XEN_HV_H
#define XENQMP_CONSOLE_XEN_HV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct hv;

/* A mapped ring. Zero-initialised is "not mapped". */
struct hv_page {
    void *page;
    bool foreign;               /* by page number, not by grant */
};

/* NULL: the reason has been logged. *other_r: it is that another Xen runs
 * than this is built for, which no later try changes. */
struct hv *hv_open(bool *other_r);
void hv_close(struct hv *hv);

/* The primary console: by the reserved grant, else by page number. */
int hv_map_primary(struct hv *hv, uint32_t domid, uint64_t gfn,
                   struct hv_page *r);
int hv_map_grant(struct hv *hv, uint32_t domid, uint32_t ref,
                 struct hv_page *r);
void hv_unmap(struct hv *hv, struct hv_page *page);

/* Readable when hv_pending() has something. */
int hv_fd(const struct hv *hv);
/* data comes back from hv_pending(). The local port, or -1 with errno. */
int hv_bind(struct hv *hv, uint32_t domid, uint32_t remote_port,
            void *data);
int hv_bind_console_virq(struct hv *hv, void *data);
void hv_unbind(struct hv *hv, int port);
void hv_notify(struct hv *hv, int port);
void hv_unmask(struct hv *hv, int port);
/* False once the other end has closed it. */
bool hv_port_is_bound(struct hv *hv, int port);
/* The ports that have an event, HV_PORTS_MAX at most: how many; as many as that,
 * and there may be more. Where Linux has lost some, all ports. -1: it gives no
 * events any more; see errno. */
#define HV_PORTS_MAX 256
ssize_t hv_pending(struct hv *hv, uint32_t ports_r[HV_PORTS_MAX]);
/* NULL: it is no longer bound. To be asked when its turn comes: what is done
 * for another may have ended it. */
void *hv_port_data(const struct hv *hv, uint32_t port);

/* The domain's UUID, which no other has. */
#define HV_ID_SIZE 16

bool hv_domain_is_alive(struct hv *hv, uint32_t domid);
/* Calls fn for every domain but 0 that is not dying; -1 if Xen failed.
 * shut_down: by itself, for ever. */
typedef void hv_domain_fn(void *data, uint32_t domid,
                          const uint8_t id[HV_ID_SIZE], bool shut_down);
int hv_domains(struct hv *hv, hv_domain_fn *fn, void *data);

/* New bytes of Xen's own log; 0 if none. */
size_t hv_console_read(struct hv *hv, char *bytes, size_t size);

#endif
