/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many clients, one QEMU: commands in, replies back to who asked, time
 * limits, the save barrier.
 */
#ifndef XENQMP_LIBXL_WORKER_MUX_H
#define XENQMP_LIBXL_WORKER_MUX_H

#include "tools/common/stubdom_state.h"
#include "flight.h"
#include "save.h"
#include "session.h"

/* A command that was submitted gets exactly one reply() or failure(),
 * unless its client abandons it. id: the client's own, n bytes. */
struct mux_hooks {
    /* line: QEMU's reply, with that id, CRLF included. */
    void (*reply)(void *data, struct client_ref client, const char *line,
                  size_t len, const char *id, size_t n);
    /* desc: for a GenericError. */
    void (*failure)(void *data, struct client_ref client, const char *desc,
                    const char *id, size_t n);
    void (*event)(void *data, const struct qmp_message *event);
    /* Commands may be submitted again, or the greeting is known. Called
     * from the loop only. */
    void (*room)(void *data);
    /* How the stubdomain is, for mux_stubdom(): a command waits for long. */
    void (*ask)(void *data);
};

/* All since the worker was started. */
struct mux_counts {
    uint64_t commands;          /* submitted */
    uint64_t errors;            /* that QEMU answered with */
    uint64_t failures;          /* commands without an answer of QEMU's */
    uint64_t events;
};

struct mux {
    /* the caller sets */
    struct loop *loop;
    uint32_t guest_domid, dm_domid;
    const char *console_path, *control_path;
    const struct mux_hooks *hooks;
    void *data;
    /* readable */
    struct session session;
    struct mux_counts counts;
    bool over;                  /* the stubdomain has ended */
    /* private */
    struct flight_table table;
    struct save save;
    struct flight *saving;      /* the one whose barrier is up, or NULL */
    struct loop_timer room, hang, rest, end, ask;
    enum flight_share turn;     /* whose lesser command came last */
    enum stubdom_state stubdom; /* when last told */
};

/* After the caller's fields were set; starts to connect. -1: no memory; it
 * can be disposed of. */
int mux_init(struct mux *mux);
void mux_dispose(struct mux *mux);

/* True if mux_submit() may be called. */
bool mux_has_room(const struct mux *mux, enum flight_share share);
/* Takes a command, decoded name included. -1: no memory. */
int mux_submit(struct mux *mux, struct client_ref client,
               enum flight_share share, const struct qmp_message *command,
               const char *name);
/* How the stubdomain is. If it has ended, what it still sent is waited for
 * a moment, then all that is in flight fails; but if it is DESTROYED, at
 * once. */
void mux_stubdom(struct mux *mux, enum stubdom_state state);
/* The client wants no more of what it submitted. */
void mux_abandon(struct mux *mux, struct client_ref client);

#endif
