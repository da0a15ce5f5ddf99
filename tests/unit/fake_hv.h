/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hypervisor for console backends, linked in the place of hv.c: a few
 * domains whose rings are in this process.
 */
#ifndef XENQMP_TESTS_UNIT_FAKE_HV_H
#define XENQMP_TESTS_UNIT_FAKE_HV_H

#include "console/xen/hv.h"

#include <stddef.h>
#include <xen/io/console.h>

#define FAKE_PORTS 64

struct fake_hv {
    bool alive[16];             /* by domid */
    bool shut_down[16];
    uint8_t ids[16][HV_ID_SIZE];
    /* The ring that a grant or a primary console leads to; NULL: the
     * mapping fails. By domid and reference, 0 for the primary. */
    struct xencons_interface *rings[16][16];
    unsigned int mapped;        /* pages that are mapped now */
    unsigned int listed;        /* times that the domains were */
    struct fake_port {
        void *data;             /* NULL: not bound */
        uint32_t domid, remote;
        bool pending, masked, closed;
        unsigned int notified, unmasked;
    } ports[FAKE_PORTS];
    bool deaf;                  /* events can't be read */
    /* What the guest does when it is notified; NULL: nothing. */
    void (*on_notify)(struct fake_port *port);
};

extern struct fake_hv fake_hv;

/* The port that is bound to the domain's, or NULL. */
struct fake_port *fake_hv_port(uint32_t domid, uint32_t remote);
/* The guest notifies: an event, if the port is not masked. */
void fake_hv_kick(uint32_t domid, uint32_t remote);

#endif
