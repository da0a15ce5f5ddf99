/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#include <err.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xen/grant_table.h>

#include "xensim.h"

/* Xen's number of the VIRQ for a domain's end. */
#define VIRQ_DOM_EXC 3

#define PATH_SIZE 160

/* The rings' pages: the grant of console 0 is reserved, those of others
 * are as one likes; the second one is for the ring after a resume. */
#define PRIMARY_REF GNTTAB_RESERVED_CONSOLE
#define FIRST_REF   2

struct xs_handle *guest_store;
const char *guest_limit = "1048576";
const char *guest_type = "xenconsoled";

/* The events of all guests come to the process that plays them. */
static int handle = -1, handle_fd;

static int guests_handle(void)
{
    if (handle < 0)
        handle = xensim_handle_open(&handle_fd);
    if (handle < 0)
        err(1, "xensim: no event channels");
    return handle;
}

static uint32_t port_new(uint32_t domid)
{
    int port = xensim_port_alloc(domid, guests_handle(), 0);

    if (port < 0)
        err(1, "xensim: domain %u: no port", domid);
    return (uint32_t)port;
}

void guest_write(uint32_t owner, const char *value, const char *format, ...)
{
    struct xs_permissions perms[2] = {
        { .id = owner, .perms = XS_PERM_NONE }, { .perms = XS_PERM_READ },
    };
    char path[PATH_SIZE];
    unsigned int domid;
    va_list ap;

    va_start(ap, format);
    vsnprintf(path, sizeof(path), format, ap);
    va_end(ap);
    /* What the guest may read, and dom0 at any rate. */
    if (sscanf(path, "/local/domain/0/backend/console/%u", &domid) == 1 ||
        sscanf(path, "/local/domain/%u", &domid) == 1)
        perms[1].id = domid;
    if (!xs_write(guest_store, XBT_NULL, path, value,
                  (unsigned int)strlen(value)) ||
        !xs_set_permissions(guest_store, XBT_NULL, path, perms, 2))
        err(1, "xensim: %s", path);
}

/* With its directory's owner and readers: half of what xenstored is asked
 * when a thousand domains are made. */
static void key_write(const char *dir, const char *key, const char *value)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    if (!xs_write(guest_store, XBT_NULL, path, value,
                  (unsigned int)strlen(value)))
        err(1, "xensim: %s", path);
}

static void number_write(const char *dir, const char *key, uint32_t value)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", value);
    key_write(dir, key, text);
}

char *guest_read(const char *format, ...)
{
    char path[PATH_SIZE];
    unsigned int n;
    va_list ap;

    va_start(ap, format);
    vsnprintf(path, sizeof(path), format, ap);
    va_end(ap);
    return xs_read(guest_store, XBT_NULL, path, &n);
}

void guest_remove(const char *format, ...)
{
    char path[PATH_SIZE];
    va_list ap;

    va_start(ap, format);
    vsnprintf(path, sizeof(path), format, ap);
    va_end(ap);
    xs_rm(guest_store, XBT_NULL, path);
}

void guest_create(uint32_t domid)
{
    struct xensim_domain *domain = &xensim->domains[domid];
    uint32_t port;

    memset(domain, 0, sizeof(*domain));
    domain->exists = true;
    domain->granted[GNTTAB_RESERVED_XENSTORE] = true;
    port = port_new(domid);
    guest_write(0, "", "/local/domain/%u", domid);
    if (!xs_introduce_domain(guest_store, domid, GNTTAB_RESERVED_XENSTORE,
                             port))
        err(1, "xensim: xenstored does not take domain %u", domid);
}

void guest_destroy(uint32_t domid)
{
    struct xensim_domain *domain = &xensim->domains[domid];

    domain->dying = true;
    for (uint32_t port = 1; port < XENSIM_GUEST_PORTS; port++)
        if (domain->ports[port].state != XENSIM_FREE)
            xensim_port_close(domid, port);
    xensim_virq_raise(VIRQ_DOM_EXC);
    guest_remove("/local/domain/0/backend/console/%u", domid);
    guest_remove("/local/domain/%u", domid);
    domain->exists = false;
    xensim_virq_raise(VIRQ_DOM_EXC);
    xs_release_domain(guest_store, domid);
}

void guest_shut_down(uint32_t domid, unsigned int reason)
{
    xensim->domains[domid].reason = reason;
    xensim->domains[domid].shut_down = true;
    xensim_virq_raise(VIRQ_DOM_EXC);
}

void guest_pause(uint32_t domid, bool paused)
{
    xensim->domains[domid].paused = paused;
}

static void ring_new(struct guest_console *c, uint32_t ref)
{
    void *page = c->ring;

    if (page)
        xensim_page_unmap(page);
    page = xensim_page_map(c->domid, ref);
    if (!page)
        err(1, "xensim: domain %u: page %u", c->domid, ref);
    memset(page, 0, XENSIM_PAGE);
    xensim->domains[c->domid].granted[ref] = true;
    c->ring = page;
    c->ring_ref = ref;
    if (c->port)
        xensim_port_close(c->domid, c->port);
    c->port = port_new(c->domid);
}

static void primary_add(struct guest_console *c, const char *output)
{
    snprintf(c->frontend, sizeof(c->frontend), "/local/domain/%u/console",
             c->domid);
    ring_new(c, PRIMARY_REF);
    guest_write(0, "", "%s", c->frontend);
    key_write(c->frontend, "type", guest_type);
    if (output)
        key_write(c->frontend, "output", output);
    key_write(c->frontend, "limit", guest_limit);
    key_write(c->frontend, "tty", "");
    number_write(c->frontend, "ring-ref", c->ring_ref);
    number_write(c->frontend, "port", c->port);
}

struct guest_console guest_console_add(uint32_t domid, unsigned int devid,
                                       const char *output)
{
    struct guest_console c = { .domid = domid, .devid = devid };

    if (!devid) {
        primary_add(&c, output);
        return c;
    }
    snprintf(c.frontend, sizeof(c.frontend),
             "/local/domain/%u/device/console/%u", domid, devid);
    snprintf(c.backend, sizeof(c.backend),
             "/local/domain/0/backend/console/%u/%u", domid, devid);
    guest_write(domid, "", "%s", c.frontend);
    key_write(c.frontend, "state", "1");
    guest_write(0, "", "%s/tty", c.frontend);
    guest_write(0, "", "%s", c.backend);
    key_write(c.backend, "state", "1");
    if (output)
        key_write(c.backend, "output", output);
    key_write(c.backend, "type", guest_type);
    return c;
}

void guest_console_remove(struct guest_console *c)
{
    if (c->devid)
        guest_remove("%s", c->backend);
    guest_remove("%s", c->frontend);
    if (c->ring)
        xensim_page_unmap(c->ring);
    if (c->port)
        xensim_port_close(c->domid, c->port);
    c->ring = NULL;
    c->port = 0;
}

void guest_console_publish(struct guest_console *c)
{
    uint32_t ref = FIRST_REF + 2 * (c->devid - 1);

    ring_new(c, ref == c->ring_ref ? ref + 1 : ref);
    number_write(c->frontend, "ring-ref", c->ring_ref);
    number_write(c->frontend, "port", c->port);
    key_write(c->frontend, "state", "3");
}

bool guest_console_is_connected(const struct guest_console *c)
{
    char *state = guest_read("%s/state", c->backend);
    bool r = state && !strcmp(state, "4");

    free(state);
    return r;
}

void guest_console_notify(const struct guest_console *c)
{
    xensim_notify(c->domid, c->port);
}

size_t guest_console_put(struct guest_console *c, const void *bytes,
                         size_t n)
{
    const char *from = bytes;
    XENCONS_RING_IDX prod = c->ring->out_prod;
    XENCONS_RING_IDX cons = atomic_load((_Atomic uint32_t *)
                                        &c->ring->out_cons);
    size_t room = sizeof(c->ring->out) - (prod - cons);

    if (n > room)
        n = room;
    for (size_t i = 0; i < n; i++)
        c->ring->out[MASK_XENCONS_IDX(prod++, c->ring->out)] = from[i];
    atomic_store((_Atomic uint32_t *)&c->ring->out_prod, prod);
    if (n)
        guest_console_notify(c);
    return n;
}

size_t guest_console_get(struct guest_console *c, void *bytes, size_t max)
{
    char *to = bytes;
    XENCONS_RING_IDX cons = c->ring->in_cons;
    XENCONS_RING_IDX prod = atomic_load((_Atomic uint32_t *)
                                        &c->ring->in_prod);
    size_t n = prod - cons;

    if (n > max)
        n = max;
    for (size_t i = 0; i < n; i++)
        to[i] = c->ring->in[MASK_XENCONS_IDX(cons++, c->ring->in)];
    atomic_store((_Atomic uint32_t *)&c->ring->in_cons, cons);
    if (n)
        guest_console_notify(c);
    return n;
}

int guest_fd(void)
{
    guests_handle();
    return handle_fd;
}

bool guest_wait(int ms)
{
    struct pollfd ready = { .fd = guest_fd(), .events = POLLIN };
    uint32_t token;

    if (poll(&ready, 1, ms) != 1 ||
        read(handle_fd, &token, sizeof(token)) != sizeof(token))
        return false;
    xensim_port_unmask(token >> 16, token & 0xffff);
    return true;
}
