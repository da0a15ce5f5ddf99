/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The QMP session with the stubdomain's QEMU over console 3: qmp_reset,
 * greeting, negotiation, and all of it again after every loss.
 */
#ifndef XENQMP_LIBXL_WORKER_SESSION_H
#define XENQMP_LIBXL_WORKER_SESSION_H

#include "libxl/qmp/framer.h"
#include "libxl/qmp/message.h"
#include "libxl/child/console.h"

/*
 * Field          connection   timer             nonce
 * DOWN           none         -                 -
 * PAUSED         up           end of the pause  -
 * RESET          up           repeat            qmp_reset's latest
 * HELLO          up           limit             -
 * NEGOTIATE      up           limit             qmp_capabilities'
 * VERSION        up           limit             query-version's
 * UP             up           -                 -
 */
enum session_state {
    /* No connection to xenconsoled; the console makes one. */
    SESSION_DOWN,
    /* The peer broke QMP, or was given up. What comes is read and dropped
     * until the pause that its record earned is over. */
    SESSION_PAUSED,
    /* qmp_reset was sent. All is dropped up to the return with the latest
     * nonce: old replies, half messages, our own echo. */
    SESSION_RESET,
    /* That return came; the greeting is next. */
    SESSION_HELLO,
    /* qmp_capabilities was sent. Without a greeting before it if the peer
     * does not know qmp_reset. */
    SESSION_NEGOTIATE,
    /* Negotiated, but the greeting was missed long ago: query-version was
     * sent, to make one. */
    SESSION_VERSION,
    /* Commands may be sent. */
    SESSION_UP,
};

/* Called last by the session: they may call it. */
struct session_hooks {
    /* Commands may be sent; also when the console has room again. */
    void (*ready)(void *data);
    /* It was UP and isn't; what was sent has no answer to expect. */
    void (*lost)(void *data);
    /* A QMP_RETURN, QMP_ERROR or QMP_EVENT in state UP. */
    void (*message)(void *data, const struct qmp_message *message);
    /* A reply that is beyond QMP_MESSAGE_MAX and its like, in state UP. */
    void (*too_large)(void *data, const struct qmp_skim *reply);
};

struct session {
    /* the caller sets */
    struct loop *loop;
    const char *path;           /* of console 3's socket */
    uint32_t dm_domid;
    const struct session_hooks *hooks;
    void *data;
    /* readable */
    enum session_state state;
    /* QEMU's greeting for clients: as it sent it, but without
     * capabilities but "oob", CRLF included. Empty until one is known,
     * then kept over losses. */
    struct qmp_buf greeting;
    bool oob;                   /* that greeting offers "oob" */
    uint64_t begun;             /* how often it came UP */
    /* private */
    struct console console;
    struct qmp_framer framer;
    struct loop_timer timer;
    char nonce[24];
    unsigned int resets;        /* sent in a row */
    unsigned int offences;
    int64_t last_offence_ms;
    bool fresh_greeting;        /* this session's own has come */
};

/* After the caller's fields were set; starts to connect. -1: no memory. */
int session_init(struct session *session);
void session_dispose(struct session *session);

/* UP, and the console takes what it is given. */
bool session_can_send(const struct session *session);
/* Sends a command and CRLF. session_was_sent(session, *end_r) says later
 * whether xenconsoled has been given all of it. -1: it could not be
 * queued. */
int session_send(struct session *session, const char *text, size_t n,
                 uint64_t *end_r);
bool session_was_sent(const struct session *session, uint64_t end);

/* What is UP is made anew: lost() is called from within. */
void session_restart(struct session *session);

/* What keeps commands from being sent, for an error message. */
const char *session_obstacle(const struct session *session);

#endif
