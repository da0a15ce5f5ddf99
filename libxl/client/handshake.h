/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A session's way from a line in any state to READY. For session.c.
 */
#ifndef XENQMP_LIBXL_CLIENT_HANDSHAKE_H
#define XENQMP_LIBXL_CLIENT_HANDSHAKE_H

#include "state.h"

/* Sends qmp_reset, once more or for the first time. In RESET. */
void xlqmp_handshake_ask(struct xlqmp_session *session, int64_t now_ms);
/* Forgets the session and enters RESET. why: for those who were waiting
 * for a reply. */
void xlqmp_handshake_restart(struct xlqmp_session *session, int64_t now_ms,
                             const struct xlqmp_error *why);
/* A reply, a greeting; in any state but READY, in any state. */
void xlqmp_handshake_reply(struct xlqmp_session *session,
                           const struct qmp_message *message,
                           int64_t now_ms);
void xlqmp_handshake_greeting(struct xlqmp_session *session,
                              const struct qmp_message *message,
                              int64_t now_ms);

/* The server did what QMP does not allow. detail may be "". */
void xlqmp_handshake_offence(struct xlqmp_session *session, int64_t now_ms,
                             const char *what, const char *detail);

#endif
