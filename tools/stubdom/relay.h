/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QMP between console 3 and QEMU, with qmp_reset.
 *
 * A console has no connect and no disconnect, QEMU's monitor socket has
 * both: a session is one connection to the socket. qmp_reset closes it and
 * makes another, so QEMU itself forgets what it owed. Ids are replaced by
 * "<session>-<number>" towards QEMU, because a coroutine command that ran
 * when its connection was closed answers into the next one; a reply with
 * another id than one in flight now is dropped.
 *
 * A save belongs to its session, and ends with it. Before the reply to it
 * an event says how many bytes QEMU wrote, and their CRC-32.
 *
 * This file is pure: bytes in, bytes out, no descriptors. stubdomd moves
 * them and acts on the requests below. docs/qmp-console-protocol.md is the
 * specification.
 */
#ifndef XENQMP_TOOLS_STUBDOM_RELAY_H
#define XENQMP_TOOLS_STUBDOM_RELAY_H

#include "libxl/qmp/framer.h"
#include "libxl/qmp/message.h"

/* What may wait for the console: the largest reply, and events. */
#define RELAY_OUT_MAX    (QMP_MESSAGE_MAX + (1u << 20))
/* Events are dropped while more than this waits: replies go first. */
#define RELAY_EVENTS_MAX (256u << 10)
/* Commands in flight; QEMU itself stops reading before. */
#define RELAY_FLIGHT_MAX 64

struct relay_command {
    unsigned long long number;  /* 0: free */
    char *id;                   /* the client's, owned; NULL: it had none */
    size_t id_len;
    bool save;                  /* xen-save-devices-state */
    bool oob;                   /* in no order with others */
};

/* A save, from its command to its reply. One at a time. */
enum relay_save {
    RELAY_SAVE_NONE,
    RELAY_SAVE_ASKED,           /* QEMU has the command */
    RELAY_SAVE_FINISHED,        /* QEMU has answered: the reply is held */
};

struct relay {
    /* the caller sets */
    unsigned int host_devices;  /* PCI devices of the host's: no save can
                                   have their state */
    const char *save_path;      /* to which QEMU is to save, whatever file it
                                   is told; no character of it needs an
                                   escape. NULL: as it is told */
    /* readable */
    struct qmp_buf to_console, to_qemu;
    bool want_connect;          /* close the socket, connect it anew */
    bool want_save_begin;       /* before to_qemu: what comes by save_path
                                   goes to console 1 */
    bool want_save_finish;      /* all has come; when it has gone,
                                   relay_save_copied() */
    bool want_save_stop;        /* what comes now goes nowhere; when the
                                   rest has gone, relay_save_stopped() */
    bool stopping;              /* until then nothing of to_console may be
                                   written: what follows a save that was
                                   ended must not overtake its bytes */
    unsigned long long events_lost;
    size_t flight_n;            /* commands that QEMU has not answered */
    /* private */
    unsigned long long session, next_number;
    struct qmp_framer from_console, from_qemu;
    struct relay_command flight[RELAY_FLIGHT_MAX];
    enum relay_save save;
    bool answered;              /* in this session, and in its order */
    struct qmp_buf held;        /* the reply to a save, until it's copied */
    bool connected;             /* this session's socket */
    bool mid_line;              /* the console was given part of a line */
};

void relay_init(struct relay *relay);
void relay_dispose(struct relay *relay);

/* Bytes as they come; n <= QMP_FRAMER_CHUNK. -1: no memory, fatal. */
int relay_console_input(struct relay *relay, const char *bytes, size_t n);
int relay_qemu_input(struct relay *relay, const char *bytes, size_t n);

/* The caller wrote the first n bytes of to_console. */
void relay_console_written(struct relay *relay, size_t n);
/* The socket that want_connect asked for is connected (clears it), or
 * the present one was closed by QEMU. */
void relay_connected(struct relay *relay);
int relay_disconnected(struct relay *relay);
/* What want_save_finish asked for is done; error: 0 or errno. The state had
 * length bytes with that CRC-32. */
int relay_save_copied(struct relay *relay, int error, uint64_t length,
                      uint32_t crc);
/* What want_save_stop asked for is done: the save's bytes have left, and
 * there will be no more of them. */
void relay_save_stopped(struct relay *relay);
/* The console came back after suspend and resume: a new peer. */
void relay_console_renewed(struct relay *relay);

#endif
