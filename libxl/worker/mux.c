/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command's way (worker/flight.h has the states):
 *
 *   WAITING ──────────────► SENT ──► reply to the client, FREE
 *      │ a save                │ late, or the client has left
 *      ▼                       ▼
 *   OPENING ─► SENT ─► HELD  ABANDONED ──► reply dropped, FREE
 *
 * Commands go out a few at a time, those of a client in the order in which
 * they came and each client in its turn, and QEMU works on one after the
 * other; those for execution out-of-band go at once.
 *
 * The sockets for fewer commands share one place of these, so that QEMU is
 * never busy with more than one command of theirs when one of the full
 * socket comes, and rest after each, so that it seldom is. What they have
 * abandoned holds their place, not others'.
 *
 * While a save's barrier is up no other in-band command is sent: QEMU would
 * not answer before the save is over, and the client that sent the save
 * must not see a later reply first. A lost session fails what was
 * SENT, frees what was ABANDONED, and leaves what is WAITING for the next,
 * until its time is up.
 */
#include "mux.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/log.h"

#define MUX_DESC_MAX 512

/* Commands whose time QEMU alone knows: they write the guest's memory or
 * the devices' state. */
static const char *const mux_unlimited[] = {
    "xen-save-devices-state", "xen-load-devices-state", "migrate",
    "dump-guest-memory",
};

static void mux_room(void *data)
{
    struct mux *mux = data;

    mux->hooks->room(mux->data);                /* must be last */
}

static void mux_tell_room(struct mux *mux)
{
    if (!loop_timer_is_set(&mux->room) &&
        loop_timer_set(mux->loop, &mux->room, 0, mux_room, mux))
        log_error("domain %u: out of memory; QMP clients may hang",
                  mux->guest_domid);
}

/* All that it owes there is late, and nothing that it works on may take
 * that long. */
static bool mux_hangs(const struct mux *mux, bool lesser)
{
    const struct flight_table *table = &mux->table;

    return (lesser ? table->lesser.late >= WORKER_LESSER_IN_BAND_MAX :
                     table->full.late >= WORKER_IN_BAND_MAX) &&
           !flight_is_unlimited(table);
}

static void mux_hang(void *data)
{
    struct mux *mux = data;

    log_guest(mux->dm_domid, LOG_LEVEL_WARN,
              "domain %u: console 3 (QMP): QEMU does not answer any more; "
              "QMP is reset", mux->dm_domid);
    session_restart(&mux->session);
}

static void mux_watch_hang(struct mux *mux)
{
    if (!mux_hangs(mux, false) && !mux_hangs(mux, true))
        loop_timer_clear(mux->loop, &mux->hang);
    else if (!loop_timer_is_set(&mux->hang) &&
             loop_timer_set(mux->loop, &mux->hang, WORKER_HANG_MS,
                            mux_hang, mux))
        log_error("domain %u: out of memory; QMP may hang",
                  mux->guest_domid);
}

static void mux_pump(struct mux *mux);

static void mux_rested(void *data)
{
    mux_pump(data);
}

/* After one of the lesser sockets' commands, whatever became of it. */
static void mux_rest(struct mux *mux, const struct flight *flight)
{
    int64_t ms = ((loop_now_us() - flight->sent_us) * WORKER_LESSER_REST +
                  999) / 1000;

    if (ms > WORKER_LESSER_REST_MAX_MS)
        ms = WORKER_LESSER_REST_MAX_MS;
    /* Without memory they do not rest. */
    loop_timer_set(mux->loop, &mux->rest, ms, mux_rested, mux);
}

static void mux_free(struct mux *mux, struct flight *flight)
{
    loop_timer_clear(mux->loop, &flight->timer);
    if (flight->share != FLIGHT_FULL && flight->sent_us)
        mux_rest(mux, flight);
    flight_free(&mux->table, flight);
    mux_watch_hang(mux);
    mux_tell_room(mux);
}

/* Fails a command that stays in the table, if that is to be. */
static void mux_fail(struct mux *mux, struct flight *flight,
                     const char *desc)
{
    mux->counts.failures++;
    mux->hooks->failure(mux->data, flight->client, desc, flight->id,
                        flight->id_len);
}

/* What QEMU owes is late, and nobody waits for it any more. In-band, QEMU
 * won't get to others before. */
static void mux_late(struct mux *mux, struct flight *flight)
{
    loop_timer_clear(mux->loop, &flight->timer);
    flight->state = FLIGHT_ABANDONED;
    if (flight->oob) {
        mux_free(mux, flight);
        mux_pump(mux);
        return;
    }
    flight_set_late(&mux->table, flight);
    mux_watch_hang(mux);
}

/* Why a command has waited in vain. */
static const char *mux_obstacle(const struct mux *mux,
                                const struct flight *flight)
{
    static char text[128];
    const char *how = stubdom_state_text(mux->stubdom);

    if (how) {
        snprintf(text, sizeof(text), "the stubdomain %s", how);
        return text;
    }
    if (mux->saving)
        return "the state of its devices is being saved";
    return session_can_send(&mux->session) &&
           flight->share != FLIGHT_FULL &&
           !mux->table.lesser.late ?
           "others have asked before, at the sockets for fewer commands" :
           session_obstacle(&mux->session);
}

static void mux_expire(struct mux *mux, struct flight *flight)
{
    char desc[MUX_DESC_MAX];

    if (flight->state == FLIGHT_ABANDONED) {
        mux_late(mux, flight);
        return;
    }
    if (flight->state == FLIGHT_SENT) {
        const char *how = stubdom_state_text(mux->stubdom);

        snprintf(desc, sizeof(desc), "QEMU in the stubdomain of domain %u "
                 "has not answered in %d s%s%s; the command may still be "
                 "executed", mux->guest_domid,
                 (WORKER_REPLY_LIMIT_MS + 999) / 1000,
                 how ? ", for the stubdomain " : "", how ? how : "");
        mux_fail(mux, flight, desc);
        mux_late(mux, flight);
        return;
    }
    snprintf(desc, sizeof(desc), "QEMU in the stubdomain of domain %u "
             "can't be reached: %s; the command was not sent",
             mux->guest_domid, mux_obstacle(mux, flight));
    mux_fail(mux, flight, desc);
    mux_free(mux, flight);
}

static void mux_expired(void *data)
{
    struct flight *flight = data, *older;
    struct mux *mux = flight->owner;

    /* Replies keep their order, timers of one millisecond have none. */
    while ((older = flight_older(&mux->table, flight)))
        mux_expire(mux, older);
    mux_expire(mux, flight);
}

/* Again and again as long as the oldest command has no answer. */
static void mux_ask(void *data)
{
    struct mux *mux = data;
    const struct flight *oldest = flight_first(&mux->table);
    int64_t left;

    if (!oldest)
        return;
    left = oldest->came_ms + WORKER_ASK_MS - loop_now_ms();
    if (left <= 0) {
        mux->hooks->ask(mux->data);
        left = WORKER_ASK_MS;
    }
    loop_timer_set(mux->loop, &mux->ask, left, mux_ask, mux);
}

static void mux_arm(struct mux *mux, struct flight *flight, int64_t ms)
{
    if (!loop_timer_is_set(&mux->ask))
        loop_timer_set(mux->loop, &mux->ask, WORKER_ASK_MS, mux_ask, mux);
    if (loop_timer_set(mux->loop, &flight->timer, ms, mux_expired, flight))
        log_error("domain %u: out of memory; a QMP command has no time "
                  "limit", mux->guest_domid);
}

static void mux_wait(struct mux *mux, struct flight *flight)
{
    flight->state = FLIGHT_WAITING;
    mux_arm(mux, flight, mux->session.greeting.len ? WORKER_SEND_LIMIT_MS :
                         WORKER_FIRST_LIMIT_MS);
}

/* -1: no memory; it goes on waiting. */
static int mux_send(struct mux *mux, struct flight *flight)
{
    if (session_send(&mux->session, flight->text, flight->text_len,
                     &flight->end))
        return -1;
    flight->state = FLIGHT_SENT;
    flight->sent_us = loop_now_us();
    flight_drop_text(&mux->table, flight);
    loop_timer_clear(mux->loop, &flight->timer);
    if (!flight->unlimited)
        mux_arm(mux, flight, WORKER_REPLY_LIMIT_MS);
    return 0;
}

/* The next of a socket for fewer commands: they take turns. */
static struct flight *mux_next_lesser(struct mux *mux)
{
    enum flight_share other = mux->turn == FLIGHT_XENTOP ?
                              FLIGHT_MONITORING : FLIGHT_XENTOP;
    struct flight *flight;

    if (loop_timer_is_set(&mux->rest) ||
        flight_owed(&mux->table, true, false) >= WORKER_LESSER_IN_BAND_MAX)
        return NULL;
    flight = flight_next(&mux->table, other, false);
    if (!flight)
        flight = flight_next(&mux->table, mux->turn, false);
    if (flight)
        mux->turn = flight->share;
    return flight;
}

/* The next command that may be sent, or NULL. */
static struct flight *mux_next(struct mux *mux)
{
    const struct flight_table *table = &mux->table;
    struct flight *flight = NULL;

    if (flight_owed(table, false, true) < WORKER_OOB_MAX)
        flight = flight_next(&mux->table, FLIGHT_FULL, true);
    if (flight || mux->saving)
        return flight;
    if (flight_owed(table, false, false) < WORKER_IN_BAND_MAX)
        flight = flight_next(&mux->table, FLIGHT_FULL, false);
    return flight ? flight : mux_next_lesser(mux);
}

static void mux_pump(struct mux *mux)
{
    struct flight *flight;

    while (session_can_send(&mux->session) && (flight = mux_next(mux))) {
        if (flight->save) {
            mux->saving = flight;
            flight->state = FLIGHT_OPENING;
            loop_timer_clear(mux->loop, &flight->timer);
            save_begin(&mux->save);
        } else if (mux_send(mux, flight)) {
            return;
        }
    }
}

static void mux_save_begun(void *data, const char *error)
{
    struct mux *mux = data;
    struct flight *flight = mux->saving;
    char desc[MUX_DESC_MAX];

    if (!error && !mux_send(mux, flight))
        return;
    snprintf(desc, sizeof(desc), "The state of domain %u's devices can't "
             "be saved: %s; the command was not sent", mux->guest_domid,
             error ? error : "out of memory");
    save_cancel(&mux->save);
    mux->saving = NULL;
    mux_fail(mux, flight, desc);
    mux_free(mux, flight);
    mux_pump(mux);
}

static void mux_save_synced(void *data, const char *error)
{
    struct mux *mux = data;
    struct flight *flight = mux->saving;
    char desc[MUX_DESC_MAX];

    if (error && flight->succeeded) {
        snprintf(desc, sizeof(desc), "QEMU has saved the state of domain "
                 "%u's devices, but it did not reach its file: %s",
                 mux->guest_domid, error);
        mux_fail(mux, flight, desc);
    } else {
        mux->hooks->reply(mux->data, flight->client, flight->text,
                          flight->text_len, flight->id, flight->id_len);
    }
    mux->saving = NULL;
    mux_free(mux, flight);
    mux_pump(mux);
}

/* Whose reply has come, or NULL: nobody's. */
static struct flight *mux_answered(struct mux *mux, const char *id,
                                   size_t n)
{
    struct flight *flight = flight_find(&mux->table, id, n);

    if (!flight)
        log_guest(mux->dm_domid, LOG_LEVEL_INFO,
                  "domain %u: console 3 (QMP): dropped a reply to nothing "
                  "that was asked", mux->dm_domid);
    return flight;
}

static void mux_reply(struct mux *mux, const struct qmp_message *message)
{
    struct flight *flight =
        mux_answered(mux, qmp_span_text(message, message->id),
                     message->id.len);
    bool wanted;

    if (!flight)
        return;
    wanted = flight->state == FLIGHT_SENT;
    loop_timer_clear(mux->loop, &flight->timer);
    if (wanted && flight_hold_reply(&mux->table, flight, message)) {
        mux_fail(mux, flight, "Out of memory for QEMU's reply; the "
                              "command has been executed");
        wanted = false;
    }
    mux->counts.errors += wanted && message->kind == QMP_ERROR;
    if (flight == mux->saving) {
        if (!wanted)
            flight->client = (struct client_ref){ 0, 0 };
        flight_set_held(&mux->table, flight);
        flight->succeeded = message->kind == QMP_RETURN;
        save_sync(&mux->save);
        return;
    }
    if (wanted)
        mux->hooks->reply(mux->data, flight->client, flight->text,
                          flight->text_len, flight->id, flight->id_len);
    mux_free(mux, flight);
    mux_pump(mux);
}

/* stubdomd's word on the save that is on its way is for nobody else. */
static bool mux_saved(struct mux *mux, const struct qmp_message *event)
{
    char id[24] = "";

    if (mux->saving)
        snprintf(id, sizeof(id), "x%" PRIu64, mux->saving->seq);
    return save_told(&mux->save, event, id);
}

/* It answers a command all the same. */
static void mux_too_large(void *data, const struct qmp_skim *reply)
{
    struct mux *mux = data;
    struct flight *flight = mux_answered(mux, reply->id, reply->id_len);
    char desc[MUX_DESC_MAX];

    if (!flight)
        return;
    if (flight == mux->saving) {
        save_cancel(&mux->save);
        mux->saving = NULL;
    }
    if (flight->state == FLIGHT_SENT) {
        snprintf(desc, sizeof(desc), "QEMU's reply is larger than "
                 QMP_MESSAGE_LIMITS " and was dropped; the command %s",
                 QMP_MESSAGE_LIMITS_ARGS,
                 reply->error ? "has failed" : "has been executed");
        mux_fail(mux, flight, desc);
    }
    mux_free(mux, flight);
    mux_pump(mux);
}

static void mux_message(void *data, const struct qmp_message *message)
{
    struct mux *mux = data;

    if (message->kind == QMP_EVENT && mux_saved(mux, message))
        return;
    if (message->kind == QMP_EVENT) {
        mux->counts.events++;
        mux->hooks->event(mux->data, message);
    } else {
        mux_reply(mux, message);
    }
}

static void mux_ready(void *data)
{
    struct mux *mux = data;

    mux_pump(mux);
    mux_tell_room(mux);
}

/* The session is lost, and with it the reply to what it carried. */
static void mux_lost_flight(struct mux *mux, struct flight *flight)
{
    char desc[MUX_DESC_MAX];

    if (flight->state == FLIGHT_OPENING) {
        save_cancel(&mux->save);
        mux->saving = NULL;
        mux_wait(mux, flight);
        return;
    }
    if (flight->state != FLIGHT_SENT && flight->state != FLIGHT_ABANDONED)
        return;
    if (flight == mux->saving) {
        save_cancel(&mux->save);
        mux->saving = NULL;
    }
    if (flight->state == FLIGHT_SENT) {
        snprintf(desc, sizeof(desc), "The connection to QEMU in the "
                 "stubdomain of domain %u was lost; the command %s",
                 mux->guest_domid,
                 session_was_sent(&mux->session, flight->end) ?
                 "may have been executed" :
                 "was not sent, so it was not executed");
        mux_fail(mux, flight, desc);
    }
    mux_free(mux, flight);
}

static void mux_lost(void *data)
{
    struct mux *mux = data;

    for (size_t i = 0; i < FLIGHT_PLACES; i++)
        mux_lost_flight(mux, &mux->table.flights[i]);
}

static void mux_end_flight(struct mux *mux, struct flight *flight)
{
    bool sent = flight->state == FLIGHT_SENT &&
                session_was_sent(&mux->session, flight->end);
    char desc[MUX_DESC_MAX];

    if (flight == mux->saving) {
        save_cancel(&mux->save);
        mux->saving = NULL;
    }
    if (flight->state != FLIGHT_ABANDONED) {
        snprintf(desc, sizeof(desc), "QEMU in the stubdomain of domain %u "
                 "can't be reached: %s; the command %s", mux->guest_domid,
                 mux_obstacle(mux, flight),
                 sent ? "may have been executed" : "was not sent");
        mux_fail(mux, flight, desc);
    }
    mux_free(mux, flight);
}

/* In the order in which they came. A reply that is HELD is here, and its
 * stream is xenconsoled's. */
static void mux_end(void *data)
{
    struct mux *mux = data;
    struct flight *flight;

    mux->over = true;
    while ((flight = flight_first(&mux->table)))
        mux_end_flight(mux, flight);
    mux_tell_room(mux);         /* who waits for a greeting gets one */
}

void mux_stubdom(struct mux *mux, enum stubdom_state state)
{
    bool ended = stubdom_has_ended(state);

    mux->stubdom = state;
    if (!ended) {
        loop_timer_clear(mux->loop, &mux->end);
        mux->over = false;
    } else if (state == STUBDOM_DESTROYED ||
               (!mux->over && !loop_timer_is_set(&mux->end) &&
                loop_timer_set(mux->loop, &mux->end, WORKER_LAST_WORDS_MS,
                               mux_end, mux))) {
        mux_end(mux);
    }
}

int mux_init(struct mux *mux)
{
    static const struct session_hooks session_hooks = {
        .ready = mux_ready, .lost = mux_lost, .message = mux_message,
        .too_large = mux_too_large,
    };
    static const struct save_hooks save_hooks = {
        .begun = mux_save_begun, .synced = mux_save_synced,
    };

    flight_table_init(&mux->table);
    mux->counts = (struct mux_counts){ 0 };
    mux->saving = NULL;
    mux->room = mux->hang = mux->rest = (struct loop_timer){ 0 };
    mux->end = mux->ask = (struct loop_timer){ 0 };
    mux->turn = FLIGHT_XENTOP;
    mux->over = false;
    mux->stubdom = STUBDOM_UNKNOWN;
    mux->save = (struct save){
        .loop = mux->loop, .path = mux->control_path,
        .guest_domid = mux->guest_domid, .hooks = &save_hooks, .data = mux,
    };
    save_init(&mux->save);
    mux->session = (struct session){
        .loop = mux->loop, .path = mux->console_path,
        .dm_domid = mux->dm_domid, .hooks = &session_hooks, .data = mux,
    };
    return session_init(&mux->session);
}

void mux_dispose(struct mux *mux)
{
    for (size_t i = 0; i < FLIGHT_PLACES; i++)
        loop_timer_clear(mux->loop, &mux->table.flights[i].timer);
    loop_timer_clear(mux->loop, &mux->room);
    loop_timer_clear(mux->loop, &mux->hang);
    loop_timer_clear(mux->loop, &mux->rest);
    loop_timer_clear(mux->loop, &mux->end);
    loop_timer_clear(mux->loop, &mux->ask);
    session_dispose(&mux->session);
    save_dispose(&mux->save);
    flight_table_dispose(&mux->table);
}

bool mux_has_room(const struct mux *mux, enum flight_share share)
{
    /* Of the others each has one command at a time, and a short one. */
    return mux->over || share != FLIGHT_FULL || mux_hangs(mux, false) ||
           (mux->table.full.used < WORKER_FLIGHTS_MAX &&
            mux->table.full.text_bytes < WORKER_WAITING_MAX);
}

/* True: there is no use in waiting for QEMU. */
static bool mux_is_hopeless(const struct mux *mux, enum flight_share share,
                            char *desc_r, size_t size)
{
    const char *how = stubdom_state_text(mux->stubdom);
    bool hangs = mux_hangs(mux, share != FLIGHT_FULL);

    if (mux->over)
        snprintf(desc_r, size, "QEMU in the stubdomain of domain %u can't "
                 "be reached: the stubdomain %s; the command was not sent",
                 mux->guest_domid, how);
    else if (hangs)
        snprintf(desc_r, size, "QEMU in the stubdomain of domain %u hangs: "
                 "it has not answered %zu commands%s%s; this one was not "
                 "sent", mux->guest_domid,
                 mux->table.full.late + mux->table.lesser.late,
                 how ? ", for the stubdomain " : "", how ? how : "");
    return mux->over || hangs;
}

int mux_submit(struct mux *mux, struct client_ref client,
               enum flight_share share, const struct qmp_message *command,
               const char *name)
{
    struct flight *flight;
    char desc[MUX_DESC_MAX];

    mux->counts.commands++;
    if (mux_is_hopeless(mux, share, desc, sizeof(desc))) {
        mux->counts.failures++;
        mux->hooks->failure(mux->data, client, desc,
                            qmp_span_text(command, command->id),
                            command->id.len);
        return 0;
    }
    flight = flight_new(&mux->table, client, share, command);
    if (!flight)
        return -1;
    flight->owner = mux;
    flight->came_ms = loop_now_ms();
    /* Out-of-band QEMU refuses it. */
    flight->save = !strcmp(name, mux_unlimited[0]) && !flight->oob;
    for (size_t i = 0; i < sizeof(mux_unlimited) / sizeof(*mux_unlimited);
         i++)
        flight->unlimited |= !strcmp(name, mux_unlimited[i]);
    mux_wait(mux, flight);
    mux_pump(mux);
    return 0;
}

void mux_abandon(struct mux *mux, struct client_ref client)
{
    struct flight *flight;

    while ((flight = flight_of_client(&mux->table, client))) {
        if (flight->state == FLIGHT_HELD) {
            flight->client = (struct client_ref){ 0, 0 };
        } else if (flight->state == FLIGHT_SENT) {
            flight->state = FLIGHT_ABANDONED;
        } else {
            if (flight == mux->saving) {
                save_cancel(&mux->save);
                mux->saving = NULL;
            }
            mux_free(mux, flight);
        }
    }
    mux_pump(mux);
}
