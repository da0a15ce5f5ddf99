/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The barrier around a save: QEMU's device state leaves by console 1, its
 * reply by console 3, and nothing orders the two but xenconsoled's control
 * socket (docs/console-control.md). One save at a time.
 *
 * A save has succeeded if its file has what the stubdomain says that QEMU
 * wrote: so many bytes with that CRC-32.
 */
#ifndef XENQMP_LIBXL_WORKER_SAVE_H
#define XENQMP_LIBXL_WORKER_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/common/loop.h"
#include "libxl/qmp/message.h"

enum save_state {
    SAVE_IDLE,      /* no connection; save_begin() may be called */
    SAVE_OPENING,   /* save-begin is asked, until it is answered */
    SAVE_OPEN,      /* the stream is open; save_sync() may be called. There
                     * may be no connection */
    SAVE_SYNCING,   /* sync is asked, until it is answered */
    SAVE_FAILED,    /* the hook is about to be told, or, if it broke while
                     * OPEN, save_sync() is going to be */
};

/* error: NULL or what went wrong, valid during the call. Never called
 * from within save_...(). */
struct save_hooks {
    void (*begun)(void *data, const char *error);
    void (*synced)(void *data, const char *error);
};

struct save {
    /* the caller sets */
    struct loop *loop;
    const char *path;           /* of the control socket */
    uint32_t guest_domid;       /* for log lines */
    const struct save_hooks *hooks;
    void *data;
    /* readable */
    enum save_state state;
    /* private */
    int fd;
    bool greeted;               /* and what is asked for was sent */
    loop_id id;
    struct loop_timer timer, retry;
    struct qmp_buf in;
    char name[20];              /* xenconsoled knows this save by it; "" */
    bool told;                  /* what QEMU wrote: */
    uint64_t length;
    uint32_t crc;
    bool untold_logged;
    void (*report)(void *data, const char *error);
    char obstacle[128];         /* why there is no connection, or "" */
    char error[256];
};

void save_init(struct save *save);
/* Idempotent. */
void save_dispose(struct save *save);

/* Has xenconsoled open the stream; begun() follows. */
void save_begin(struct save *save);
/* True if the event is stubdomd's that tells what QEMU has written. It counts
 * if the save is OPEN and its command has that id. */
bool save_told(struct save *save, const struct qmp_message *event,
               const char *id);
/* Has it complete the stream; synced() follows. */
void save_sync(struct save *save);
/* Back to IDLE; no hook is called. With the connection an open stream ends:
 * nothing more gets in. */
void save_cancel(struct save *save);

#endif
