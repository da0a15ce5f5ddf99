/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands in flight: a small table that maps the ids which QEMU sees to
 * the clients that asked, and to the ids which those used. Data only; what
 * happens with them is worker_mux.c's.
 */
#ifndef XENQMP_WORKER_FLIGHT_H
#define XENQMP_WORKER_FLIGHT_H

#include "loop.h"
#include "qmp_message.h"
#include "worker_limits.h"

enum flight_state {
    FLIGHT_FREE,
    /* QEMU has seen nothing of it; text holds it. Fails after the send
     * limit. */
    FLIGHT_WAITING,
    /* The same, but it is a save's and waits for xenconsoled to open the
     * stream, however long that may take it. */
    FLIGHT_OPENING,
    /* Handed to the console. QEMU owes the reply. Fails after the reply
     * limit, if it has one. */
    FLIGHT_SENT,
    /* QEMU's reply to a save is here, in text, and waits for the stream to
     * reach its file. If the client left meanwhile its generation is 0,
     * which is nobody's. */
    FLIGHT_HELD,
    /* QEMU still owes the in-band reply, but nobody waits for it: it was
     * late, or the client has left. Keeps its place, so that no more than
     * WORKER_IN_BAND_MAX ever queue in the stubdomain. */
    FLIGHT_ABANDONED,
};

/* Names a client for as long as it lives; a later one in the same place
 * has another generation. */
struct client_ref {
    unsigned int index;
    uint64_t generation;
};

struct flight {
    /* readable */
    enum flight_state state;
    uint64_t seq;               /* QEMU sees the id "x<seq>" */
    struct client_ref client;
    char *id;                   /* the client's own: id_len bytes, JSON */
    size_t id_len;              /* 0: it had none */
    char *text;                 /* a line, text_len bytes, or NULL */
    size_t text_len;
    uint64_t end;               /* of SENT: see session_was_sent() */
    bool save;                  /* xen-save-devices-state */
    bool succeeded;             /* of HELD: no error is held */
    bool unlimited;             /* no reply limit */
    bool oob;                   /* exec-oob: in nobody's order */
    /* private to its user */
    struct loop_timer timer;
    void *owner;
};

struct flight_table {
    /* readable */
    size_t used;
    size_t abandoned;           /* of these */
    size_t text_bytes;          /* held by all texts */
    /* private */
    struct flight flights[WORKER_FLIGHTS_MAX];
    uint64_t next_seq;
};

void flight_table_init(struct flight_table *table);
/* Timers must have been cleared. */
void flight_table_dispose(struct flight_table *table);

/* A WAITING one for the command, whose line it makes. NULL: the table is
 * full or there's no memory. */
struct flight *flight_new(struct flight_table *table,
                          struct client_ref client,
                          const struct qmp_message *command);
void flight_free(struct flight_table *table, struct flight *flight);
/* From SENT to ABANDONED, in-band. */
void flight_abandon(struct flight_table *table, struct flight *flight);
/* From SENT or ABANDONED to HELD. */
void flight_set_held(struct flight_table *table, struct flight *flight);
void flight_drop_text(struct flight_table *table, struct flight *flight);
/* Sets text to the reply with the client's own id, byte for byte. */
int flight_hold_reply(struct flight_table *table, struct flight *flight,
                      const struct qmp_message *reply);

/* The one whose id the reply carries. NULL: none does. */
struct flight *flight_find(struct flight_table *table,
                           const struct qmp_message *reply);
/* The oldest that is WAITING, of those sent out-of-band or of the others;
 * or NULL. */
struct flight *flight_oldest(struct flight_table *table, bool oob);
/* The oldest of those before it, of its client and in its state, whose
 * time is limited as well; or NULL. */
struct flight *flight_older(struct flight_table *table,
                            const struct flight *flight);
/* How many replies QEMU owes that it gives in order. */
size_t flight_in_band(const struct flight_table *table);
/* The oldest of a client that it still waits for, or NULL. */
struct flight *flight_of_client(struct flight_table *table,
                                struct client_ref client);

#endif
