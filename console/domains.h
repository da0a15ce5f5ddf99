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
 * directory. An event only marks what it is about; xenstored and Xen are
 * asked later, a little in each turn (refresh.h).
 */
#ifndef XENQMP_DOMAINS_H
#define XENQMP_DOMAINS_H

#include "console.h"
#include "refresh.h"

struct domain {
    uint32_t domid;
    struct domain *next;        /* in its bucket */
    bool seen;                  /* of one enumeration */
    struct console *consoles[CONSOLES_MAX];
    unsigned int consoles_n;    /* that are there */
    struct refresh_account account;
    TAILQ_ENTRY(domain) unlisted;
    bool lists;                 /* its backends are to be listed */
};

/* Sets the watches; their first events fill the table. -1: logged. */
int domains_init(struct server *server);
/* Frees all consoles and domains. */
void domains_dispose(struct server *server);

/* One watch event. */
void domains_event(struct server *server, const char *path,
                   const char *token);
/* True if domains_turn() has something to do. */
bool domains_is_pending(const struct server *server);
/* Asks xenstored and Xen for some of what events have been about. */
void domains_turn(struct server *server);

struct domain *domains_find(struct server *server, uint32_t domid);
/* Calls fn for every console; fn must not free any. */
void domains_each(struct server *server,
                  void (*fn)(struct console *console, void *data),
                  void *data);

#endif
