/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A world for session_orders.h: a client of qmp_reset and stubdomd's relay,
 * both real, and between and behind them models: a console (two queues of
 * bytes) and a QEMU with one monitor. The test defines the client, struct
 * client, and the functions below that are named client_...().
 *
 * What the model of QEMU says carries the number of the connection in which
 * it belongs ("of"), its greeting too. So what is delivered can be held
 * against the greeting of the session that it is delivered into.
 *
 * A world can be copied and told from others, so that each is visited once.
 */
#ifndef XENQMP_TESTS_UNIT_SESSION_WORLD_H
#define XENQMP_TESTS_UNIT_SESSION_WORLD_H

#include <inttypes.h>

#include "tools/stubdom/relay.h"

#include "tap.h"

#define COMMANDS_MAX 4
#define LINE_SIZE    2048       /* more than ever stands in a queue */

struct bytes {
    size_t n;
    char at[LINE_SIZE];
};

/* What may yet happen, and how often. */
struct budget {
    int commands, resets, ticks, halves, events, lates, deaths, echoes,
        losses;
};

struct world {
    struct client client;
    struct relay server;
    struct bytes to_server, to_client;      /* the console */
    struct {
        int connection;         /* of the monitor, from 1 */
        struct bytes out;
        struct pending {
            int of, number;     /* number -1: qmp_capabilities */
            char id[40];
        } pending[16];
        int pending_n;
    } qemu;
    struct budget left;
    int64_t now;
    uint64_t nonces;
    int sent;                   /* commands */
    /* What each command met. */
    struct command_fate {
        bool called_back, executed, said_not_executed;
        int heard_in;           /* the connection when the server read it */
    } fate[COMMANDS_MAX];
    /* At the server's end of the console. */
    int floor;                  /* connections up to this are of the past */
    struct bytes heard, said;   /* the line that isn't complete yet */
    int said_floor;             /* when it began */
};

/* The one that callbacks and client_...() mean. */
static struct world *world;

/* --- The client ------------------------------------------------------ */

static void client_init(void);
/* to has the same bytes as from already: what it points to is copied. */
static void client_copy(struct client *to, const struct client *from);
static void client_dispose(struct client *client);
static void client_mix(uint64_t *hash, const struct client *client);

/* What it wants to send; the console took n bytes of it; n bytes came. */
static const struct qmp_buf *client_out(void);
static void client_sent(size_t n);
static void client_input(const char *text, size_t n);

/* Its user sends command c<number>, or resets. Commands only if ready. */
static void client_command(int number);
static void client_reset(void);
/* INT64_MAX: none. The time has come, and stands in world->now. */
static int64_t client_deadline(void);
static void client_tick(void);

static bool client_is_ready(void);
static bool client_is_resetting(void);
/* The greeting of the session that it is in, or NULL. */
static const char *client_greeting(void);
static unsigned int client_offences(void);

static inline void bytes_add(struct bytes *to, const char *text, size_t n)
{
    check(n <= sizeof(to->at) - to->n);
    memcpy(to->at + to->n, text, n);
    to->n += n;
}

static inline void bytes_drop(struct bytes *from, size_t n)
{
    from->n -= n;
    memmove(from->at, from->at + n, from->n);
}

/* --- Copies ---------------------------------------------------------- */

static inline void buf_copy(struct qmp_buf *to, const struct qmp_buf *from)
{
    qmp_buf_init(to, from->max);
    check(!qmp_buf_append(to, from->data, from->len));
}

static inline void *text_copy(const void *text, size_t n)
{
    return text ? memcpy(malloc(n + 1), text, n) : NULL;
}

static inline void world_copy(struct world *to, const struct world *from)
{
    *to = *from;
    client_copy(&to->client, &from->client);
    buf_copy(&to->server.to_console, &from->server.to_console);
    buf_copy(&to->server.to_qemu, &from->server.to_qemu);
    buf_copy(&to->server.held, &from->server.held);
    buf_copy(&to->server.from_console.buf, &from->server.from_console.buf);
    buf_copy(&to->server.from_qemu.buf, &from->server.from_qemu.buf);
    for (size_t i = 0; i < RELAY_FLIGHT_MAX; i++)
        to->server.flight[i].id = text_copy(from->server.flight[i].id,
                                            from->server.flight[i].id_len);
}

static inline void world_dispose(struct world *w)
{
    /* What it calls meanwhile means this one, and none that has gone. */
    world = w;
    client_dispose(&w->client);
    relay_dispose(&w->server);
    world = NULL;
}

/* --- Fingerprints ---------------------------------------------------- */

static inline void mix(uint64_t *hash, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    /* FNV-1a. */
    for (size_t i = 0; i < n; i++)
        *hash = (*hash ^ p[i]) * 0x100000001b3u;
    *hash = (*hash ^ n) * 0x100000001b3u;
}

static inline void mix_number(uint64_t *hash, uint64_t number)
{
    mix(hash, &number, sizeof(number));
}

static inline void mix_bytes(uint64_t *hash, const struct bytes *bytes)
{
    mix(hash, bytes->at, bytes->n);
}

static inline void mix_framer(uint64_t *hash, const struct qmp_framer *f)
{
    mix(hash, f->buf.data, f->buf.len);
    mix_number(hash, f->scanned << 32 | f->returned);
    mix_number(hash, (uint64_t)f->depth << 10 |
               (unsigned int)f->quote << 2 | f->escaped << 1 | f->skipping);
}

static inline void mix_server(uint64_t *hash, const struct relay *r)
{
    mix(hash, r->to_console.data, r->to_console.len);
    mix(hash, r->to_qemu.data, r->to_qemu.len);
    mix_framer(hash, &r->from_console);
    mix_framer(hash, &r->from_qemu);
    mix_number(hash, r->session << 32 | r->next_number);
    mix_number(hash, r->want_connect << 2 | r->connected << 1 | r->mid_line);
    for (size_t i = 0; i < RELAY_FLIGHT_MAX; i++)
        if (r->flight[i].number) {
            mix_number(hash, r->flight[i].number);
            mix(hash, r->flight[i].id, r->flight[i].id_len);
        }
}

static inline uint64_t world_hash(const struct world *w)
{
    uint64_t hash = 0xcbf29ce484222325u;

    client_mix(&hash, &w->client);
    mix_server(&hash, &w->server);
    mix_bytes(&hash, &w->to_server);
    mix_bytes(&hash, &w->to_client);
    mix_number(&hash, (uint64_t)w->qemu.connection);
    mix_bytes(&hash, &w->qemu.out);
    for (int i = 0; i < w->qemu.pending_n; i++) {
        mix_number(&hash, (uint64_t)w->qemu.pending[i].of);
        mix(&hash, w->qemu.pending[i].id, strlen(w->qemu.pending[i].id));
    }
    mix(&hash, &w->left, sizeof(w->left));
    mix_number(&hash, (uint64_t)w->now);
    mix_number(&hash, w->nonces << 8 | (unsigned int)w->sent);
    for (int i = 0; i < COMMANDS_MAX; i++)
        mix_number(&hash, (uint64_t)w->fate[i].heard_in << 3 |
                   w->fate[i].called_back << 2 |
                   w->fate[i].executed << 1 | w->fate[i].said_not_executed);
    mix_number(&hash, (uint64_t)w->floor << 32 | (unsigned int)w->said_floor);
    mix_bytes(&hash, &w->heard);
    mix_bytes(&hash, &w->said);
    return hash;
}

#endif
