/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's device state: saved into a file in RAM and copied from there to
 * console 1 (QEMU truncates what it opens, so a tty can't be its target);
 * restored from console 2 through a pipe.
 *
 * Only what is in console 1's ring is in dom0's sight. So a copy has ended,
 * either way, when its tty holds no byte of it back.
 */
#ifndef XENQMP_TOOLS_STUBDOM_STATE_H
#define XENQMP_TOOLS_STUBDOM_STATE_H

#include "stream.h"

struct state {
    /* the caller sets */
    struct loop *loop;
    /* The copy of a saved state, save.copied bytes with save.crc, has
     * ended; error: 0 or errno. */
    void (*saved)(void *data, int error);
    /* state_stop() is done. */
    void (*stopped)(void *data);
    void *data;
    /* readable: for QEMU to inherit */
    int file;                   /* write-only, for fdset 1 */
    int incoming;               /* -1: nothing is to be restored */
    struct stream save;
    /* private */
    int file_read, save_tty, pipe;
    int error;                  /* of state_prepare() */
    struct stream restore;
    struct loop_timer leave;
    unsigned int leave_tries;
};

/* save_tty: console 1's, or -1. -1: errno. */
int state_init(struct state *state, const char *path, int save_tty);
/* Makes the pipe. -1: errno. */
int state_expect_incoming(struct state *state);
/* Once QEMU has the pipe's end: asks for the state on console 2's tty. If
 * that can't be, QEMU's pipe ends, and QEMU with it. */
void state_restore(struct state *state, int tty);

/* Before each save: empties the file, and rewinds QEMU's descriptor, which
 * would go on behind the last save's end. */
void state_prepare(struct state *state);
/* Copies the file to console 1; saved() follows, maybe from within. */
void state_copy(struct state *state);
/* Ends the copy; stopped() follows in place of saved(), maybe from within,
 * in a second at the latest. */
void state_stop(struct state *state);

#endif
