/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the terminals of a guest's serial ports are found: xenconsoled
 * writes each one's path to its console's key tty, and libxl's users look
 * elsewhere.
 *
 *   serial/<i>/tty, the guest's   virsh console
 *   console 3's tty               xl console: a libxl that does not know of
 *                                 QMP's console takes it for the first port
 *
 * A terminal's number is soon another's once it is closed. So what is
 * passed on follows its source, which counts only while dom0 owns it: a
 * stubdomain could name any terminal. It is taken back when xenconsoled is
 * no longer there, who would have done that at its source.
 */
#ifndef XENQMP_LIBXL_HELPER_SERIAL_H
#define XENQMP_LIBXL_HELPER_SERIAL_H

#include "store.h"
#include "tools/common/loop.h"

struct serial {
    /* the caller sets */
    struct loop *loop;
    struct xs_handle *xs;
    uint32_t guest, dm;
    int ports;                  /* 0 to CONSOLE_SERIAL_MAX */
    const char *consoled;       /* CONSOLED_SOCKET */
    /* private */
    int daemon;                 /* a pidfd; valid with its id */
    loop_id daemon_id;          /* LOOP_NONE: none is known to run */
    struct loop_timer late;
    struct loop_timer again;
    int64_t followed_ms;        /* 0: never */
};

/* Its watches' token. */
#define SERIAL_TOKEN "tty"

/* False: xenstore does not answer. */
bool serial_watch(struct serial *serial);
/* After each of its watches' events. */
void serial_follow(struct serial *serial);
/* No longer; what is there stays, for whoever has the terminal open may
 * have to read the guest's last words. Idempotent; legal before it began. */
void serial_end(struct serial *serial);
/* Takes all back, for nobody will follow from here on. */
void serial_withdraw(struct serial *serial);

/* Passes on what port i's console says, or "" if nothing. */
void serial_forward(struct serial *serial, int i, bool served);

#endif
