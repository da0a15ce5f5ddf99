/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ring.h"

#include "tools/common/fault.h"

#include <stddef.h>
#include <string.h>

/* The field `connection` that Xen 4.21 put behind the counters, which
 * older headers do not name: 0 connected, 1 (the toolstack's) not yet. */
#define RING_CONNECTION (offsetof(struct xencons_interface, out_prod) + \
                         sizeof(XENCONS_RING_IDX))
#define RING_CONNECTED  0

/* Bytes in use between two free-running counters; -1 if more than fit. */
static ssize_t used(uint32_t prod, uint32_t cons, size_t size)
{
    uint32_t n = prod - cons;

    return n > size ? -1 : (ssize_t)n;
}

/* One read each: the compiler must not go back to the page. */
static uint32_t load(const uint32_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

int ring_adopt(struct ring *ring, struct xencons_interface *page,
               const uint32_t *out_cons)
{
    *ring = (struct ring){ .page = page };
    ring->out_cons = out_cons ? *out_cons : load(&page->out_cons);
    ring->in_prod = load(&page->in_prod);
    if (used(load(&page->out_prod), ring->out_cons, RING_OUT_SIZE) < 0 ||
        used(ring->in_prod, load(&page->in_cons), RING_IN_SIZE) < 0)
        return -1;
    FAULT("ring-adopted");
    __atomic_store_n(&page->out_cons, ring->out_cons, __ATOMIC_RELEASE);
    /* Since Xen 4.21 the frontend can see that it is served; before, the
     * byte is beyond what anybody looks at. */
    __atomic_store_n((uint8_t *)page + RING_CONNECTION, RING_CONNECTED,
                     __ATOMIC_RELEASE);
    return 0;
}

bool ring_page_has_bytes(const struct xencons_interface *page)
{
    return load(&page->out_prod) != load(&page->out_cons);
}

uint32_t ring_page_out_cons(const struct xencons_interface *page)
{
    return load(&page->out_cons);
}

bool ring_page_fits(const struct xencons_interface *page, uint32_t position)
{
    return used(load(&page->out_prod), position, RING_OUT_SIZE) >= 0;
}

size_t ring_page_match(const struct xencons_interface *page,
                       uint32_t position, const char *bytes, size_t n)
{
    ssize_t pending = used(load(&page->out_prod), position, RING_OUT_SIZE);
    size_t same = 0;

    while (same < n && (ssize_t)same < pending &&
           page->out[MASK_XENCONS_IDX(position + same, page->out)] ==
           bytes[same])
        same++;
    return same;
}

ssize_t ring_out_pending(const struct ring *ring)
{
    ssize_t pending = used(load(&ring->page->out_prod), ring->out_cons,
                           RING_OUT_SIZE);

    /* A wrong out_cons: the page was zeroed, or has another backend. */
    return load(&ring->page->out_cons) == ring->out_cons ? pending : -1;
}

ssize_t ring_out_peek(const struct ring *ring, char *bytes, size_t max)
{
    const struct xencons_interface *page = ring->page;
    ssize_t pending = ring_out_pending(ring);
    size_t start = MASK_XENCONS_IDX(ring->out_cons, page->out);
    size_t n, first;

    if (pending < 0)
        return -1;
    n = (size_t)pending < max ? (size_t)pending : max;
    first = RING_OUT_SIZE - start < n ? RING_OUT_SIZE - start : n;
    memcpy(bytes, page->out + start, first);
    memcpy(bytes + first, page->out, n - first);
    return (ssize_t)n;
}

void ring_out_consume(struct ring *ring, size_t n)
{
    ring->out_cons += (uint32_t)n;
    FAULT("out-cons-private");
    __atomic_store_n(&ring->page->out_cons, ring->out_cons,
                     __ATOMIC_RELEASE);
}

ssize_t ring_in_room(const struct ring *ring)
{
    ssize_t unread = used(ring->in_prod, load(&ring->page->in_cons),
                          RING_IN_SIZE);

    if (unread < 0 || load(&ring->page->in_prod) != ring->in_prod)
        return -1;
    return (ssize_t)RING_IN_SIZE - unread;
}

void ring_in_put(struct ring *ring, const char *bytes, size_t n)
{
    struct xencons_interface *page = ring->page;
    size_t start = MASK_XENCONS_IDX(ring->in_prod, page->in);
    size_t first = RING_IN_SIZE - start < n ? RING_IN_SIZE - start : n;

    memcpy(page->in + start, bytes, first);
    memcpy(page->in, bytes + first, n - first);
    ring->in_prod += (uint32_t)n;
    FAULT("in-copied");
    /* Release: the bytes are there before the guest is told. */
    __atomic_store_n(&page->in_prod, ring->in_prod, __ATOMIC_RELEASE);
}
