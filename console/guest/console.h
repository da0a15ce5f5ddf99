/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One console of one domain: what its keys in xenstore say, its ring, its
 * output.
 *
 *   state     output  ring    backend state  leaves by
 *   FOREIGN   -       -       untouched      type
 *   FAILED    -       -       untouched      output, policy; a new try
 *   WAITING   open    -       1, 2           frontend state 3, 4; 5, 6
 *   ADOPTING  open    mapped  untouched      the answer; new ring; 5, 6
 *   SERVING   open    mapped  4              new ring; 5, 6; bad counters
 *   PARKED    open    -       4              ring-ref, port, state written
 *   CLOSED    open    -       5, 6           frontend state 1 to 4
 *
 * Any of them leads to FOREIGN when the type changes and to FAILED when
 * the output cannot be opened. A primary console has no states in
 * xenstore; its ring appears with ring-ref and port.
 *
 * This is what the parts that work on a console share: flow.c moves its
 * bytes, frontend.c follows the guest's keys, toolstack.c dom0's; domains.c
 * owns it.
 */
#ifndef XENQMP_CONSOLE_GUEST_CONSOLE_H
#define XENQMP_CONSOLE_GUEST_CONSOLE_H

#include "backend.h"
#include "console/xen/hv.h"
#include "console/xen/keys.h"
#include "console/files/logger.h"
#include "console/files/record.h"
#include "console/output/output.h"
#include "refresh.h"
#include "console/xen/ring.h"

enum console_state {
    /* Another backend's (type ioemu): nothing of it is touched, in
     * xenstore neither. */
    CONSOLE_FOREIGN,
    /* Ours, but its keys make no sense or its output can't be opened. The
     * guest sees a backend that has not started. Tried again when dom0
     * changes something about it; an output, ever more rarely, also when
     * nothing does. */
    CONSOLE_FAILED,
    /* Ours; readers can attach; the frontend has not published a ring, or
     * one that could not be mapped. */
    CONSOLE_WAITING,
    /* The output has the record of an earlier daemon, and asks its file
     * where in the ring it stands. */
    CONSOLE_ADOPTING,
    /* Bytes flow. */
    CONSOLE_SERVING,
    /* The ring's counters made no sense. It is not mapped any more; a
     * resume looks the same, and ends as soon as the frontend publishes
     * its new ring. */
    CONSOLE_PARKED,
    /* The frontend has said that it closes. */
    CONSOLE_CLOSED,
};

/* What the consoles of a domain share. */
struct guest {
    struct console *consoles[CONSOLES_MAX];     /* NULL: there is none */
    char vm[RECORD_VM_MAX];     /* as records have it; "": not known yet */
    bool shut_down;             /* says Xen */
    struct refresh_account account;
};

struct console {
    /* readable */
    struct backend *backend;
    struct guest *guest;
    uint32_t domid;
    unsigned int n;             /* 0: primary */
    enum console_state state;
    struct counters counters;
    struct settings settings;   /* of output, or as last tried */
    struct output *output;      /* NULL in FOREIGN and FAILED */
    char *text[KEYS_TEXT_N];    /* of the keys; NULL: absent */
    struct output_host host;
    /* of flow.c */
    struct ring ring;           /* in SERVING; page, port in ADOPTING, too */
    struct hv_page page;
    int port;                   /* local; -1: not bound */
    struct logger *log;         /* guest-<name>.log; NULL: none */
    bool log_slow;              /* its disk is: text may be lost */
    struct loop_timer log_wait; /* set while the guest waits for it */
    TAILQ_ENTRY(console) ready;
    bool is_ready;
    bool event;                 /* the port is masked until handled */
    unsigned int idle_events;   /* in this period, moving nothing */
    int64_t idle_since_ms;
    uint32_t in_taken;          /* position up to which the guest has read */
    struct loop_timer unmask;   /* set while a storm is held back */
    /* of frontend.c */
    uint64_t ring_ref;          /* as last tried */
    uint32_t remote_port;
    int frontend_state;         /* as last seen */
    int backend_state;          /* as last written; 0: not yet */
    bool adopted;               /* a ring was, by this daemon */
    /* of toolstack.c */
    bool tty_published, end_published;
    unsigned int foreign;       /* keys already complained about */
    const char *why_failed;     /* the complaint, NULL: none */
    int open_error;             /* likewise, of settings; 0: none */
    int64_t retry_ms;           /* the time to the next try to open it */
    struct loop_timer retry;    /* set while it can't be */
    struct refresh_item refresh;
};

const char *console_state_name(enum console_state state);
/* Asserts what the state's line in the table above says. */
void console_set_state(struct console *console, enum console_state state);
/* Has it get a turn soon. */
void console_queue(struct console *console);

#endif
