/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's device state: saved into a file in RAM and copied from there to
 * console 1 (QEMU truncates what it opens, so a tty can't be its target);
 * restored from console 2 through a pipe.
 */
#ifndef XENQMP_STUBDOM_STATE_H
#define XENQMP_STUBDOM_STATE_H

#include "stream.h"

struct state {
    /* the caller sets */
    struct loop *loop;
    /* The copy of a saved state has ended; error: 0 or errno. */
    void (*saved)(void *data, int error);
    void *data;
    /* readable: for QEMU to inherit */
    int file;                   /* write-only, for fdset 1 */
    int incoming;               /* -1: nothing is to be restored */
    /* private */
    int file_read, save_tty, pipe;
    struct stream save, restore;
};

/* save_tty: console 1's, or -1. -1: errno. */
int state_init(struct state *state, const char *path, int save_tty);
/* Makes the pipe. -1: errno. */
int state_expect_incoming(struct state *state);
/* Once QEMU has the pipe's end: asks for the state on console 2's tty. */
void state_restore(struct state *state, int tty);

/* Before each save: empties the file, and rewinds QEMU's descriptor, which
 * would go on behind the last save's end. */
void state_prepare(struct state *state);
/* Copies the file to console 1. */
void state_copy(struct state *state);

#endif
