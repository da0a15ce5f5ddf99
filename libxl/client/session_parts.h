/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the three files of a session share: xlqmp_session.c (states and
 * entry points), xlqmp_handshake.c (RESET to NEGOTIATE) and xlqmp_flow.c
 * (READY). Nobody else includes this.
 */
#ifndef XENQMP_XLQMP_SESSION_PARTS_H
#define XENQMP_XLQMP_SESSION_PARTS_H

#include "xlqmp_session.h"

/* "x", 16 digits and the terminator. */
#define XLQMP_NONCE_SIZE 18

/* --- xlqmp_session.c --------------------------------------------------- */

/* Asserts that the session may go there. Forgets the phase's limit. */
void xlqmp_session_set_state(struct xlqmp_session *session,
                             enum xlqmp_state state);
/* The end. detail, here and below, may be "". */
void xlqmp_session_die(struct xlqmp_session *session, enum xlqmp_rc rc,
                       const char *what, const char *detail);
/* The server did what QMP does not allow. */
void xlqmp_session_offence(struct xlqmp_session *session, int64_t now_ms,
                           const char *what, const char *detail);

void xlqmp_error_set(struct xlqmp_error *error_r, enum xlqmp_rc rc,
                     const char *what, const char *detail);
/* From a QMP_ERROR. */
void xlqmp_error_from_message(struct xlqmp_error *error_r,
                              const struct qmp_message *message);

/* --- xlqmp_handshake.c ------------------------------------------------- */

/* The nonce as it stands in ids, without quotes. */
void xlqmp_handshake_nonce(const struct xlqmp_session *session,
                           char text_r[XLQMP_NONCE_SIZE]);
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

/* --- xlqmp_flow.c ------------------------------------------------------ */

/* True if the transport took all of it. */
bool xlqmp_flow_was_sent(const struct xlqmp_session *session,
                         const struct xlqmp_request *request);
/* For one whose text will not be sent any more. */
void xlqmp_flow_fail(struct xlqmp_session *session,
                     struct xlqmp_request *request,
                     const struct xlqmp_error *why);
/* Hands commands to the output, as far as it makes sense. */
void xlqmp_flow_pump(struct xlqmp_session *session);
/* A reply in READY. */
void xlqmp_flow_reply(struct xlqmp_session *session,
                      const struct qmp_message *message, int64_t now_ms);
/* A reply that was too large to be taken, in READY. False: it can't be told
 * to be one. */
bool xlqmp_flow_too_large(struct xlqmp_session *session,
                          const struct qmp_skim *reply, int64_t now_ms);
/* A new session: nobody owes anything. */
void xlqmp_flow_restart(struct xlqmp_session *session,
                        const struct xlqmp_error *why);
/* Ends what ran out of time, and a pause that is over. */
void xlqmp_flow_tick(struct xlqmp_session *session, int64_t now_ms);

#endif
