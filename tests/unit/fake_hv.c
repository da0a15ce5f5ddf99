/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_hv.h"

#include <errno.h>
#include <unistd.h>

struct fake_hv fake_hv;

struct fake_port *fake_hv_port(uint32_t domid, uint32_t remote)
{
    for (int i = 0; i < FAKE_PORTS; i++)
        if (fake_hv.ports[i].data && fake_hv.ports[i].domid == domid &&
            fake_hv.ports[i].remote == remote)
            return &fake_hv.ports[i];
    return NULL;
}

void fake_hv_kick(uint32_t domid, uint32_t remote)
{
    struct fake_port *port = fake_hv_port(domid, remote);

    if (port)
        port->pending = true;
}

struct hv *hv_open(bool *other_r)
{
    *other_r = false;
    return (struct hv *)&fake_hv;
}

void hv_close(struct hv *hv)
{
    (void)hv;
}

static int map(uint32_t domid, uint32_t ref, struct hv_page *r)
{
    r->foreign = false;
    r->page = domid < 16 && ref < 16 ? fake_hv.rings[domid][ref] : NULL;
    if (!r->page) {
        errno = EINVAL;
        return -1;
    }
    fake_hv.mapped++;
    return 0;
}

int hv_map_primary(struct hv *hv, uint32_t domid, uint64_t gfn,
                   struct hv_page *r)
{
    (void)hv, (void)gfn;
    return map(domid, 0, r);
}

int hv_map_grant(struct hv *hv, uint32_t domid, uint32_t ref,
                 struct hv_page *r)
{
    (void)hv;
    return map(domid, ref, r);
}

void hv_unmap(struct hv *hv, struct hv_page *page)
{
    (void)hv;
    if (page->page)
        fake_hv.mapped--;
    page->page = NULL;
}

int hv_fd(const struct hv *hv)
{
    (void)hv;
    return -1;
}

int hv_bind(struct hv *hv, uint32_t domid, uint32_t remote, void *data)
{
    (void)hv;
    for (int i = 1; i < FAKE_PORTS; i++)
        if (!fake_hv.ports[i].data) {
            fake_hv.ports[i] = (struct fake_port){
                .data = data, .domid = domid, .remote = remote };
            return i;
        }
    errno = ENOSPC;
    return -1;
}

int hv_bind_console_virq(struct hv *hv, void *data)
{
    return hv_bind(hv, 0, 0, data);
}

void hv_unbind(struct hv *hv, int port)
{
    (void)hv;
    fake_hv.ports[port].data = NULL;
}

void hv_notify(struct hv *hv, int port)
{
    (void)hv;
    fake_hv.ports[port].notified++;
    if (fake_hv.on_notify)
        fake_hv.on_notify(&fake_hv.ports[port]);
}

void hv_unmask(struct hv *hv, int port)
{
    (void)hv;
    fake_hv.ports[port].masked = false;
    fake_hv.ports[port].unmasked++;
}

bool hv_port_is_bound(struct hv *hv, int port)
{
    (void)hv;
    return !fake_hv.ports[port].closed;
}

ssize_t hv_pending(struct hv *hv, uint32_t ports_r[HV_PORTS_MAX])
{
    ssize_t n = 0;

    (void)hv;
    if (fake_hv.deaf) {
        errno = EIO;
        return -1;
    }
    for (int i = 0; i < FAKE_PORTS; i++) {
        struct fake_port *port = &fake_hv.ports[i];

        if (port->data && port->pending && !port->masked) {
            port->pending = false;
            port->masked = true;
            ports_r[n++] = (uint32_t)i;
        }
    }
    return n;
}

void *hv_port_data(const struct hv *hv, uint32_t port)
{
    (void)hv;
    return fake_hv.ports[port].data;
}

bool hv_domain_is_alive(struct hv *hv, uint32_t domid)
{
    (void)hv;
    return domid < 16 && fake_hv.alive[domid];
}

int hv_domains(struct hv *hv, hv_domain_fn *fn, void *data)
{
    (void)hv;
    fake_hv.listed++;
    for (uint32_t domid = 1; domid < 16; domid++)
        if (fake_hv.alive[domid])
            fn(data, domid, fake_hv.ids[domid], fake_hv.shut_down[domid]);
    return 0;
}

size_t hv_console_read(struct hv *hv, char *bytes, size_t size)
{
    (void)hv, (void)bytes, (void)size;
    return 0;
}
