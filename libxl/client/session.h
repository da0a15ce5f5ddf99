/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One client's QMP session, without any input or output of its own: bytes
 * that came go in, bytes to be sent stand in `out`, and the time is an
 * argument (milliseconds of a monotonic clock). Theory of operation in
 * client/session.c.
 */
#ifndef XENQMP_LIBXL_CLIENT_SESSION_H
#define XENQMP_LIBXL_CLIENT_SESSION_H

#include "state.h"

void xlqmp_session_init(struct xlqmp_session *session, int64_t now_ms);
/* Idempotent; calls nobody back. */
void xlqmp_session_dispose(struct xlqmp_session *session);

/* As xlqmp_send() and xlqmp_send_reset(). */
int xlqmp_session_send(struct xlqmp_session *session, const char *command,
                       const char *arguments, int64_t deadline_ms,
                       xlqmp_reply_fn *fn, void *user, uint64_t *handle_r);
int xlqmp_session_reset(struct xlqmp_session *session, int64_t now_ms,
                        int64_t deadline_ms, xlqmp_reply_fn *fn, void *user,
                        uint64_t *handle_r);
/* Only waits for READY. Called back at once if it is. */
int xlqmp_session_wait(struct xlqmp_session *session, int64_t deadline_ms,
                       xlqmp_reply_fn *fn, void *user, uint64_t *handle_r);
bool xlqmp_session_cancel(struct xlqmp_session *session, uint64_t handle);

/* These three call back, last. */
/* n <= QMP_FRAMER_CHUNK bytes have come. */
void xlqmp_session_input(struct xlqmp_session *session, const void *bytes,
                         size_t n, int64_t now_ms);
/* Time has passed, or requests were added. */
void xlqmp_session_tick(struct xlqmp_session *session, int64_t now_ms);
/* The connection is lost; why is a sentence for people. */
void xlqmp_session_lose(struct xlqmp_session *session, const char *why);

/* The first n bytes of `out` were sent. */
void xlqmp_session_written(struct xlqmp_session *session, size_t n);

/* When xlqmp_session_tick() is due; XLQMP_NEVER. */
int64_t xlqmp_session_deadline(const struct xlqmp_session *session);

#endif
