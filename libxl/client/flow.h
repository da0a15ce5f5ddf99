/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A session's commands, and its end. For handshake.c and session.c.
 */
#ifndef XENQMP_LIBXL_CLIENT_FLOW_H
#define XENQMP_LIBXL_CLIENT_FLOW_H

#include "state.h"

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
/* The end. detail may be "". */
void xlqmp_flow_end(struct xlqmp_session *session, enum xlqmp_rc rc,
                    const char *what, const char *detail);

#endif
