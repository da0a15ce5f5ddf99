/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void xlqmp_state_set(struct xlqmp_session *session,
                             enum xlqmp_state state)
{
    enum xlqmp_state from = session->state;

    assert(from != XLQMP_STATE_DEAD);
    assert(state == XLQMP_STATE_RESET || state == XLQMP_STATE_DEAD ||
           state == from + 1 ||
           (from == XLQMP_STATE_RESET && state == XLQMP_STATE_NEGOTIATE));
    session->state = state;
    session->phase_ms = XLQMP_NEVER;
}

void xlqmp_error_set(struct xlqmp_error *error_r, enum xlqmp_rc rc,
                     const char *what, const char *detail)
{
    *error_r = (struct xlqmp_error){ .rc = rc };
    snprintf(error_r->desc, sizeof(error_r->desc), "%s%s%s", what,
             *detail ? ": " : "", detail);
}

void xlqmp_error_from_message(struct xlqmp_error *error_r,
                              const struct qmp_message *message)
{
    *error_r = (struct xlqmp_error){ .rc = XLQMP_ERROR_QMP };
    qmp_message_error(message, error_r->error_class,
                      sizeof(error_r->error_class), error_r->desc,
                      sizeof(error_r->desc));
}

void xlqmp_state_nonce(const struct xlqmp_session *session,
                           char text_r[XLQMP_NONCE_SIZE])
{
    snprintf(text_r, XLQMP_NONCE_SIZE, "x%016" PRIx64, session->nonce);
}
