/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands in flight: a small table that maps the ids which QEMU sees to
 * the clients that asked, and to the ids which those used. Data only; what
 * happens with them is worker/mux.c's.
 */
#ifndef XENQMP_LIBXL_WORKER_FLIGHT_H
#define XENQMP_LIBXL_WORKER_FLIGHT_H

#include "tools/common/loop.h"
#include "libxl/qmp/message.h"
#include "limits.h"

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
    /* QEMU still owes the reply, but nobody waits for it: it was late, or
     * the client has left. Keeps its place, so that no more than may be
     * ever queue in the stubdomain. An out-of-band one that is late is
     * freed: it is in nobody's way. */
    FLIGHT_ABANDONED,
};

/* Whose commands they are: each socket's clients share what it may have
 * of QEMU. */
enum flight_share {
    FLIGHT_FULL,                /* may do everything */
    FLIGHT_MONITORING,
    FLIGHT_XENTOP,
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
    enum flight_share share;
    struct client_ref client;
    char *id;                   /* the client's own: id_len bytes, JSON */
    size_t id_len;              /* 0: it had none */
    char *text;                 /* a line, text_len bytes, or NULL */
    size_t text_len;
    uint64_t end;               /* of SENT: see session_was_sent() */
    int64_t came_ms;            /* when, by a clock of its user */
    int64_t sent_us;            /* of SENT: the same */
    bool late;                  /* of ABANDONED: its time is up */
    bool save;                  /* xen-save-devices-state */
    bool succeeded;             /* of HELD: no error is held */
    bool unlimited;             /* no reply limit */
    bool oob;                   /* in nobody's order */
    /* private to its user */
    struct loop_timer timer;
    void *owner;
};

/* Of the full socket's commands, or of all others. */
struct flight_usage {
    size_t used;
    size_t late;                /* of these */
    size_t text_bytes;          /* held by their texts */
};

#define FLIGHT_PLACES (WORKER_FLIGHTS_MAX + WORKER_LESSER_FLIGHTS)

struct flight_table {
    /* readable */
    struct flight_usage full, lesser;
    /* private */
    struct flight flights[FLIGHT_PLACES];
    uint64_t next_seq;
};

void flight_table_init(struct flight_table *table);
/* Timers must have been cleared. */
void flight_table_dispose(struct flight_table *table);

/* A WAITING one for the command, whose line it makes. NULL: the table is
 * full or there's no memory. */
struct flight *flight_new(struct flight_table *table,
                          struct client_ref client,
                          enum flight_share share,
                          const struct qmp_message *command);
void flight_free(struct flight_table *table, struct flight *flight);
/* Its ABANDONED reply is late. */
void flight_set_late(struct flight_table *table, struct flight *flight);
/* From SENT or ABANDONED to HELD. */
void flight_set_held(struct flight_table *table, struct flight *flight);
void flight_drop_text(struct flight_table *table, struct flight *flight);
/* Sets text to the reply with the client's own id, byte for byte. */
int flight_hold_reply(struct flight_table *table, struct flight *flight,
                      const struct qmp_message *reply);

/* The one that QEMU owes a reply with that id, len bytes of JSON. NULL:
 * there is none. */
struct flight *flight_find(struct flight_table *table, const char *text,
                           size_t len);
/* The one that is WAITING to be sent next, of that share, out-of-band or
 * in-band: the oldest of the client for whom QEMU has the least to do. Or
 * NULL. */
struct flight *flight_next(struct flight_table *table,
                           enum flight_share share, bool oob);
/* The oldest that QEMU or its client waits for, but not one that is HELD; or
 * NULL. */
struct flight *flight_first(struct flight_table *table);
/* The oldest of those before it, of its client and in its state, whose
 * time is limited as well; or NULL. */
struct flight *flight_older(struct flight_table *table,
                            const struct flight *flight);
/* How many replies QEMU owes, of the full socket's commands or of all
 * others. */
size_t flight_owed(const struct flight_table *table, bool lesser, bool oob);
/* True if QEMU works on a command that may take any time. */
bool flight_is_unlimited(const struct flight_table *table);
/* The oldest of a client that it still waits for, or NULL. */
struct flight *flight_of_client(struct flight_table *table,
                                struct client_ref client);

#endif
