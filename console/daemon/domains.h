/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which domains and consoles there are: xenstore's watch events.
 *
 *   watch                            token        what it leads to
 *   @introduceDomain, @releaseDomain domains      Xen is asked for all
 *   backend/console (recursive)      backend      that console is read
 *   a domain's primary console       c/DOMID/0    that console is read
 *   a domain's other frontends       c/DOMID/1    that console is read
 *
 * Consoles come from the backend's directory, which is dom0's, and from
 * the domains that Xen names, for the primary ones; never from a frontend's
 * directory. An event only marks what it is about; xenstored and Xen are
 * asked later, a little in each turn (refresh.h).
 *
 * A daemon that starts first serves what the last one was connected to
 * (handover.h), domain after domain, and asks xenstored then. Those in whose
 * rings bytes wait come first, of both.
 */
#ifndef XENQMP_CONSOLE_DAEMON_DOMAINS_H
#define XENQMP_CONSOLE_DAEMON_DOMAINS_H

#include "console/guest/console.h"
#include "console/guest/refresh.h"

/* Buckets of the hash from domid to domain: domids are given out in
 * sequence, so a low power of two spreads evenly. */
#define DOMAINS_HASH 1024

/* What is to be done next about a domain that is in a line. */
enum domain_stage {
    DOMAIN_LOOK,                /* a daemon that starts: do bytes wait? */
    DOMAIN_BEGIN,               /* to take over what an earlier one left */
    DOMAIN_LIST,                /* to ask which consoles there are */
};

struct domain;
TAILQ_HEAD(domain_line, domain);

struct domain {
    uint32_t domid;
    struct domain *in_bucket;   /* the next there */
    bool seen;                  /* of one enumeration */
    struct guest guest;
    struct domain_line *line;   /* that it is in; NULL: none */
    TAILQ_ENTRY(domain) in_line;
    bool inherited;             /* it was there before this daemon */
    enum domain_stage stage;
    unsigned int next;          /* the console whose terminal or end is to
                                 * be told next, or whose ring looked into;
                                 * 0: not listed yet */
    uint8_t id[HV_ID_SIZE];
    uint64_t handed;            /* what this one leaves: handover.h */
};

struct domains {
    /* private */
    struct backend *backend;
    struct domain *buckets[DOMAINS_HASH];
    struct domain_line hurried; /* to be listed before the others: bytes
                                 * waited when the daemon started */
    struct domain_line unlisted;
    struct loop_timer census_wait;
    int64_t census_ms;          /* when the last was; 0: never */
    bool census;                /* Xen is to be asked for all domains */
    bool swept;                 /* old records were removed */
};

/* Sets the watches; their first events fill the table. -1: logged. */
int domains_init(struct domains *domains, struct backend *backend);
/* Frees all consoles and domains. */
void domains_dispose(struct domains *domains);

/* One watch event. */
void domains_event(struct domains *domains, const char *path,
                   const char *token);
/* True if domains_turn() has something to do. */
bool domains_is_pending(const struct domains *domains);
/* Asks xenstored and Xen for some of what events have been about. */
void domains_turn(struct domains *domains);

struct domain *domains_find(struct domains *domains, uint32_t domid);
/* Calls fn for every console; fn must not free any. */
void domains_each(struct domains *domains,
                  void (*fn)(struct console *console, void *data),
                  void *data);

#endif
