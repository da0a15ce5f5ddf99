/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains of xensim with their consoles, played by a test: what libxl
 * writes for them, and a frontend that does what it is told. To misbehave,
 * a test uses the ring's page and the xenstore nodes, which are all there.
 * What can't be done ends the test with a line.
 */
#ifndef XENQMP_TESTS_XENSIM_GUEST_H
#define XENQMP_TESTS_XENSIM_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <xenstore.h>
#include <xen/io/console.h>

/* A connection of dom0's; made by host_start(). */
extern struct xs_handle *guest_store;

/* The key `limit` of primary consoles that are added from now on. */
extern const char *guest_limit;
/* The key `type` of all; libxl's "ioemu" is for a QEMU in dom0. */
extern const char *guest_type;

/* A domain with memory, known to xenstored, without consoles. */
void guest_create(uint32_t domid);
/* Dying, then gone; xenstored and the backend get to know. */
void guest_destroy(uint32_t domid);

/* By itself, for one of Xen's reasons (SHUTDOWN_...); xenstored gets to
 * know. */
void guest_shut_down(uint32_t domid, unsigned int reason);
/* Of which nobody gets to know. */
void guest_pause(uint32_t domid, bool paused);

/* owner: domain 0, or a guest, whom dom0 gives the node to. */
void guest_write(uint32_t owner, const char *value, const char *path, ...)
    __attribute__((format(printf, 3, 4)));
/* To be freed; NULL: absent. */
char *guest_read(const char *path, ...)
    __attribute__((format(printf, 1, 2)));
void guest_remove(const char *path, ...)
    __attribute__((format(printf, 1, 2)));

struct guest_console {
    uint32_t domid;
    unsigned int devid;
    struct xencons_interface *ring;
    uint32_t ring_ref, port;    /* as in xenstore */
    char backend[64], frontend[64];
};

/* As libxl makes it; output NULL: the key is absent. The primary console,
 * devid 0, has its ring from the start; others publish theirs. */
struct guest_console guest_console_add(uint32_t domid, unsigned int devid,
                                       const char *output);
void guest_console_remove(struct guest_console *console);
/* A ring and a port, state 3; the page is zeroed, as after a resume. */
void guest_console_publish(struct guest_console *console);
/* Whether the backend says 4. */
bool guest_console_is_connected(const struct guest_console *console);

void guest_console_notify(const struct guest_console *console);
/* What fits into the ring now, and an event; how many. */
size_t guest_console_put(struct guest_console *console, const void *bytes,
                         size_t n);
/* What is in the ring now, and an event; how many. */
size_t guest_console_get(struct guest_console *console, void *bytes,
                         size_t max);
/* Waits for an event of any guest at most ms; false: none came. */
bool guest_wait(int ms);
/* Readable when guest_wait() has one. */
int guest_fd(void);

#endif
