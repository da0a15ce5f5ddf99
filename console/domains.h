/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which domains and consoles there are: xenstore's watch events.
 *
 *   watch                            token        what it leads to
 *   @introduceDomain, @releaseDomain domains      Xen is asked for all
 *   backend/console (recursive)      backend      that console is read
 *   a console's frontend directory   c/DOMID/N    that console is read
 *
 * Consoles come from the backend's directory, which is dom0's, and from
 * the domains that Xen names, for the primary ones; never from a frontend's
 * directory. An event only marks a console; it is read once, when the
 * events that wait have been seen, and not without limit: a guest can
 * write to its own nodes as fast as xenstored lets it.
 */
#ifndef XENQMP_DOMAINS_H
#define XENQMP_DOMAINS_H

#include "console.h"

struct domain {
    uint32_t domid;
    struct domain *next;        /* in its bucket */
    bool seen;                  /* of one enumeration */
    struct console *consoles[CONSOLES_MAX];
};

/* Sets the watches; their first events fill the table. -1: logged. */
int domains_init(struct server *server);
/* Frees all consoles and domains. */
void domains_dispose(struct server *server);

/* One watch event. */
void domains_event(struct server *server, const char *path,
                   const char *token);
/* Reads the consoles that events have marked. */
void domains_read_dirty(struct server *server);

struct domain *domains_find(struct server *server, uint32_t domid);
/* Calls fn for every console; fn must not free any. */
void domains_each(struct server *server,
                  void (*fn)(struct console *console, void *data),
                  void *data);

#endif
