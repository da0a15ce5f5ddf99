/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The backend's side of a console ring, shared with a hostile guest.
 *
 * The page is xen/io/console.h's struct xencons_interface: two buffers and
 * four free-running byte counters. out_prod and in_cons are the guest's,
 * out_cons and in_prod ours. The guest can write all of it at any time. So:
 *
 *  - our two counters live here; the page's copies are read at adoption
 *    only, and later looked at just to see that nobody else wrote them;
 *  - the guest's counters are read once, checked, then used;
 *  - data is copied out once, and what is done with it works on the copy.
 *
 * A ring whose counters make no sense is either attacked or being set up
 * anew: Linux zeroes the page when it resumes, before it publishes the new
 * ring. Functions then return -1; the ring is not touched again until the
 * frontend publishes one and ring_adopt() accepts it.
 */
#ifndef XENQMP_CONSOLE_XEN_RING_H
#define XENQMP_CONSOLE_XEN_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <xen/io/console.h>

#define RING_OUT_SIZE sizeof(((struct xencons_interface *)0)->out)
#define RING_IN_SIZE  sizeof(((struct xencons_interface *)0)->in)

struct ring {
    /* readable */
    uint32_t out_cons, in_prod;
    /* private */
    struct xencons_interface *page;
};

/* Takes over a mapped page, with the counters of the backend before us.
 * out_cons: where that really was, NULL: as the page says. */
int ring_adopt(struct ring *ring, struct xencons_interface *page,
               const uint32_t *out_cons);

/* Of a page that is not adopted yet: whether bytes wait in it; our counter
 * as it has it; whether the next byte can be the one at position; how many of
 * the n bytes are those that it has from there on. */
bool ring_page_has_bytes(const struct xencons_interface *page);
uint32_t ring_page_out_cons(const struct xencons_interface *page);
bool ring_page_fits(const struct xencons_interface *page,
                    uint32_t position);
size_t ring_page_match(const struct xencons_interface *page,
                       uint32_t position, const char *bytes, size_t n);

/* Copies at most max of the bytes that the guest has written and that were
 * not consumed; how many, 0 if none. They stay in the ring. */
ssize_t ring_out_peek(const struct ring *ring, char *bytes, size_t max);
/* Gives n bytes back to the guest, n <= what peek returned. */
void ring_out_consume(struct ring *ring, size_t n);

/* How many bytes the guest has written that were not consumed. */
ssize_t ring_out_pending(const struct ring *ring);

/* How many bytes the guest can be given now. */
ssize_t ring_in_room(const struct ring *ring);
/* n <= what ring_in_room() returned. */
void ring_in_put(struct ring *ring, const char *bytes, size_t n);

#endif
