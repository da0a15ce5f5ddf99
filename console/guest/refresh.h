/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a console's keys are read again, and what that may cost.
 *
 * xenstored is asked and waited for, with the loop's other work waiting as
 * well, and a guest can write in its own directories as fast as xenstored
 * lets it. What guests make of it is bounded four times:
 *
 *   a turn       REFRESH_BUDGET_US of waiting, and the step that it ends in
 *                (keys.h); then rings, readers and files have their turn
 *   a console    the events of REFRESH_GAP_MS are one reading
 *   a guest      whose nodes change all the time is read ever more rarely,
 *                all of its consoles together; while it waits and changes
 *                on, the watch on its frontends is removed, so that no
 *                events of it are queued in libxenstore
 *   such guests  together have a share of one REFRESH_PACEth of the time
 *
 * What dom0 writes is on nobody's account and comes first.
 *
 * A guest has two watches at most, one on its primary console's directory,
 * which is dom0's, and one on that of all its other frontends: xenstored
 * holds each write of anybody's against each watch, one after the other.
 */
#ifndef XENQMP_CONSOLE_GUEST_REFRESH_H
#define XENQMP_CONSOLE_GUEST_REFRESH_H

#include "console/xen/keys.h"
#include "tools/common/loop.h"

#include <sys/queue.h>

struct console;
struct refresh_item;
TAILQ_HEAD(refresh_queue, refresh_item);
LIST_HEAD(refresh_items, refresh_item);

/* A console's keys were read. by_dom0: not only because of the guest.
 * republished: the frontend wrote its state, ring-ref or port. False: it is
 * gone from xenstore. */
typedef bool refresh_fn(struct console *console,
                        struct keys_reading *reading, bool by_dom0,
                        bool republished);

struct refresh {
    /* private */
    struct loop *loop;
    struct xs_handle *xs;
    refresh_fn *fn;
    struct refresh_queue first; /* to be read before all else */
    struct refresh_queue ready; /* to be read */
    struct refresh_queue noisy; /* likewise, of guests that pay for it */
    struct refresh_queue later; /* likewise, when there is nothing else */
    struct refresh_item *now;   /* whose keys are being read; NULL: none */
    struct keys_reading reading;
    bool is_first;              /* of that reading: it was in first */
    bool on_guest, republished; /* likewise */
    int64_t spent_us;           /* on it, so far */
    struct loop_timer pause;    /* set while noisy has to wait */
};

/* Of consoles that have a watch in common. */
enum refresh_kind {
    REFRESH_PRIMARY,
    REFRESH_OTHERS,
    REFRESH_KINDS,
};

struct refresh_watch {
    struct refresh_items items;     /* whose watch it is */
    bool set;
    unsigned int greetings;     /* events to come that watches begin with */
};

/* A guest's account. Zeroed is at first. */
struct refresh_account {
    /* private */
    struct refresh_watch watches[REFRESH_KINDS];
    unsigned int consoles_n;
    unsigned int events;        /* of the guest's, since it was read */
    bool missed;                /* and some more, unseen, since it was not
                                 * watched */
    unsigned int noise;         /* readings, less its seconds of silence */
    int64_t event_ms;           /* when it last changed something */
    int64_t next_ms;            /* no reading on its account before */
};

/* Part of struct console. Zeroed but for what the caller sets, until
 * refresh_add(): nothing is to be read. */
struct refresh_item {
    /* the caller sets */
    struct refresh *refresh;
    struct refresh_account *account;
    struct console *console;
    uint32_t domid;
    unsigned int n;
    const char *label;
    /* private */
    LIST_ENTRY(refresh_item) kin;   /* of one watch */
    TAILQ_ENTRY(refresh_item) entry;
    char *const *expected;      /* of refresh_later() */
    struct refresh_queue *queue;    /* that it is in; NULL: none */
    enum keys_part part;        /* to be read */
    bool by_dom0;               /* for dom0 has changed it */
    bool republished;           /* the guest wrote state, ring-ref, port */
    int64_t read_ms;            /* when; 0: never */
    struct loop_timer put_off;  /* set while it is not in a queue, but part
                                 * is to be read */
};

void refresh_init(struct refresh *refresh, struct loop *loop,
                  struct xs_handle *xs, refresh_fn *fn);
void refresh_dispose(struct refresh *refresh);

void refresh_add(struct refresh_item *item);
/* Has that part read soon. */
void refresh_by_dom0(struct refresh_item *item, enum keys_part part);
/* It waits to be read for the first time. */
bool refresh_is_new(const struct refresh_item *item);
/* All of it, before all that is not: its guest waits to be read. */
void refresh_first(struct refresh_item *item);
/* Nothing is known to have changed: has all of it read when nothing else is
 * to be read. expected: its texts, for keys_reading_expect(); borrowed.
 * refresh_watch() sees to what changes before. */
void refresh_later(struct refresh_item *item, char *const *expected);
/* Sets the watch that it needs, if it is not there. */
void refresh_watch(struct refresh_item *item);
/* An event of the watch on its frontend's directory. */
void refresh_by_guest(struct refresh_item *item, enum keys_part part,
                      bool republished);
/* The same in a frontend that is no console's. */
void refresh_by_stranger(struct refresh_account *account);
/* The same of all that have the watch, if the event is not the one that it
 * begins with, which tells nothing. */
void refresh_by_watch(struct refresh_account *account,
                      enum refresh_kind kind);

/* True if refresh_step() has something to do; something of
 * refresh_first(). */
bool refresh_is_pending(const struct refresh *refresh);
bool refresh_is_first(const struct refresh *refresh);
/* A few requests to xenstored at most. A console that is gone from xenstore
 * is returned, to be removed; else NULL. */
struct console *refresh_step(struct refresh *refresh);
/* The console goes, and with the last its watch. */
void refresh_forget(struct refresh_item *item);

#endif
