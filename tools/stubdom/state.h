/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's device state: saved through a FIFO to console 1, and restored from
 * console 2 through a pipe, so that a state of any size takes no memory.
 *
 * QEMU stands while the FIFO is full. So somebody always reads it: what is
 * not to go to console 1, of a save that has ended, goes nowhere.
 *
 * Only what is in console 1's ring is in dom0's sight. So a save has ended,
 * either way, when its tty holds no byte of it back.
 */
#ifndef XENQMP_TOOLS_STUBDOM_STATE_H
#define XENQMP_TOOLS_STUBDOM_STATE_H

#include "stream.h"

struct state {
    /* the caller sets */
    struct loop *loop;
    /* A save, save.copied bytes with save.crc, has ended; error: 0 or
     * errno. */
    void (*saved)(void *data, int error);
    /* state_stop() is done. */
    void (*stopped)(void *data);
    void *data;
    /* readable */
    int incoming;               /* for QEMU to inherit; -1: nothing is to be
                                   restored */
    struct stream save;
    /* private */
    int fifo, save_tty, pipe;
    loop_id fifo_id;            /* while nothing of it goes to console 1 */
    int error;                  /* of the save */
    bool finishing;
    struct stream restore;
    struct loop_timer leave;
    unsigned int leave_tries;
};

/* Makes the FIFO, path, into which QEMU is to save. save_tty: console 1's,
 * or -1. -1: errno. */
int state_init(struct state *state, const char *path, int save_tty);
/* Makes the pipe. -1: errno. */
int state_expect_incoming(struct state *state);
/* Once QEMU has the pipe's end: asks for the state on console 2's tty. If
 * that can't be, QEMU's pipe ends, and QEMU with it. */
void state_restore(struct state *state, int tty);

/* Before QEMU has the command. What it writes goes to console 1. */
void state_begin(struct state *state);
/* QEMU has written all; when that has gone, saved() follows, maybe from
 * within. */
void state_finish(struct state *state);
/* Ends the save; stopped() follows in place of saved(), maybe from within,
 * in a second at the latest. */
void state_stop(struct state *state);

#endif
