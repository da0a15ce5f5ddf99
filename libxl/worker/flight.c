/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flight.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "x<20 digits>", quotes and terminator. */
#define FLIGHT_ID_MAX 24

static int flight_id(const struct flight *flight, char *id_r)
{
    return snprintf(id_r, FLIGHT_ID_MAX, "\"x%" PRIu64 "\"", flight->seq);
}

void flight_table_init(struct flight_table *table)
{
    *table = (struct flight_table){ .next_seq = 1 };
}

void flight_table_dispose(struct flight_table *table)
{
    for (size_t i = 0; i < FLIGHT_PLACES; i++)
        if (table->flights[i].state != FLIGHT_FREE)
            flight_free(table, &table->flights[i]);
}

static struct flight_usage *flight_usage(struct flight_table *table,
                                         const struct flight *flight)
{
    return flight->share == FLIGHT_FULL ? &table->full : &table->lesser;
}

/* Gives the flight message's line with another id. */
static int flight_set_text(struct flight_table *table,
                           struct flight *flight,
                           const struct qmp_message *message,
                           const char *id, size_t n)
{
    struct qmp_buf line;

    flight_drop_text(table, flight);
    qmp_buf_init(&line, message->len + n + FLIGHT_ID_MAX);
    if (!qmp_message_append_with_id(message, id, n, &line) &&
        !qmp_buf_append(&line, "\r\n", 2))
        flight->text = malloc(line.len);
    if (flight->text) {
        memcpy(flight->text, line.data, line.len);
        flight->text_len = line.len;
        flight_usage(table, flight)->text_bytes += line.len;
    }
    qmp_buf_dispose(&line);
    return flight->text ? 0 : -1;
}

struct flight *flight_new(struct flight_table *table,
                          struct client_ref client,
                          enum flight_share share,
                          const struct qmp_message *command)
{
    struct flight *flight = NULL;
    char id[FLIGHT_ID_MAX];

    for (size_t i = 0; i < FLIGHT_PLACES && !flight; i++)
        if (table->flights[i].state == FLIGHT_FREE)
            flight = &table->flights[i];
    if (!flight)
        return NULL;

    *flight = (struct flight){
        .state = FLIGHT_WAITING, .seq = table->next_seq++,
        .share = share, .client = client, .id_len = command->id.len,
        /* With a share of QEMU nobody overtakes. */
        .oob = command->oob && share == FLIGHT_FULL,
    };
    flight_usage(table, flight)->used++;
    flight->id = malloc(flight->id_len + 1);
    if (!flight->id ||
        flight_set_text(table, flight, command, id,
                        (size_t)flight_id(flight, id))) {
        flight_free(table, flight);
        return NULL;
    }
    memcpy(flight->id, qmp_span_text(command, command->id),
           flight->id_len);
    return flight;
}

void flight_free(struct flight_table *table, struct flight *flight)
{
    flight_drop_text(table, flight);
    free(flight->id);
    flight->id = NULL;
    flight_usage(table, flight)->late -= flight->late;
    flight_usage(table, flight)->used--;
    flight->late = false;
    flight->state = FLIGHT_FREE;
}

void flight_set_late(struct flight_table *table, struct flight *flight)
{
    assert(flight->state == FLIGHT_ABANDONED && !flight->late);
    flight->late = true;
    flight_usage(table, flight)->late++;
}

void flight_set_held(struct flight_table *table, struct flight *flight)
{
    flight_usage(table, flight)->late -= flight->late;
    flight->late = false;
    flight->state = FLIGHT_HELD;
}

void flight_drop_text(struct flight_table *table, struct flight *flight)
{
    flight_usage(table, flight)->text_bytes -= flight->text_len;
    free(flight->text);
    flight->text = NULL;
    flight->text_len = 0;
}

int flight_hold_reply(struct flight_table *table, struct flight *flight,
                      const struct qmp_message *reply)
{
    return flight_set_text(table, flight, reply, flight->id,
                           flight->id_len);
}

/* QEMU has it, and has not answered. */
static bool flight_is_owed(const struct flight *flight)
{
    return flight->state == FLIGHT_SENT ||
           flight->state == FLIGHT_ABANDONED;
}

/* The number in an id of ours; in any other, any. */
static uint64_t flight_id_seq(const char *id, size_t n)
{
    uint64_t seq = 0;

    for (size_t i = 2; i + 1 < n; i++)
        seq = seq * 10 + (uint64_t)(id[i] - '0');
    return seq;
}

struct flight *flight_find(struct flight_table *table, const char *text,
                           size_t len)
{
    uint64_t seq = flight_id_seq(text, len);

    for (size_t i = 0; i < FLIGHT_PLACES; i++) {
        struct flight *flight = &table->flights[i];
        char id[FLIGHT_ID_MAX];
        size_t n;

        if (flight->seq != seq || !flight_is_owed(flight))
            continue;
        n = (size_t)flight_id(flight, id);
        return len == n && !memcmp(text, id, n) ? flight : NULL;
    }
    return NULL;
}

struct flight *flight_next(struct flight_table *table,
                           enum flight_share share, bool oob)
{
    struct flight *next = NULL;
    uint8_t owed[WORKER_PLACES_MAX] = { 0 };
    unsigned int least = 0;

    for (size_t i = 0; i < FLIGHT_PLACES; i++)
        if (table->flights[i].state == FLIGHT_SENT)
            owed[table->flights[i].client.index]++;
    for (size_t i = 0; i < FLIGHT_PLACES; i++) {
        struct flight *flight = &table->flights[i];
        unsigned int n = owed[flight->client.index];

        if (flight->state != FLIGHT_WAITING || flight->oob != oob ||
            flight->share != share ||
            (next && (n > least || (n == least && flight->seq > next->seq))))
            continue;
        next = flight;
        least = n;
    }
    return next;
}

struct flight *flight_first(struct flight_table *table)
{
    struct flight *first = NULL;

    for (size_t i = 0; i < FLIGHT_PLACES; i++) {
        struct flight *flight = &table->flights[i];

        if (flight->state != FLIGHT_FREE && flight->state != FLIGHT_HELD &&
            (!first || flight->seq < first->seq))
            first = flight;
    }
    return first;
}

static bool client_ref_is(struct client_ref a, struct client_ref b)
{
    return a.index == b.index && a.generation == b.generation;
}

struct flight *flight_older(struct flight_table *table,
                            const struct flight *flight)
{
    struct flight *oldest = NULL;

    for (size_t i = 0; i < FLIGHT_PLACES; i++) {
        struct flight *other = &table->flights[i];

        if (other->state == flight->state && other->seq < flight->seq &&
            other->oob == flight->oob && !other->unlimited && !other->late &&
            client_ref_is(other->client, flight->client) &&
            (!oldest || other->seq < oldest->seq))
            oldest = other;
    }
    return oldest;
}

size_t flight_owed(const struct flight_table *table, bool lesser, bool oob)
{
    size_t n = 0;

    for (size_t i = 0; i < FLIGHT_PLACES; i++) {
        const struct flight *flight = &table->flights[i];

        n += flight_is_owed(flight) && flight->oob == oob &&
             (flight->share != FLIGHT_FULL) == lesser;
    }
    return n;
}

bool flight_is_unlimited(const struct flight_table *table)
{
    for (size_t i = 0; i < FLIGHT_PLACES; i++)
        if (flight_is_owed(&table->flights[i]) &&
            table->flights[i].unlimited)
            return true;
    return false;
}

struct flight *flight_of_client(struct flight_table *table,
                                struct client_ref client)
{
    struct flight *oldest = NULL;

    for (size_t i = 0; i < FLIGHT_PLACES; i++) {
        struct flight *flight = &table->flights[i];

        if (flight->state != FLIGHT_FREE &&
            flight->state != FLIGHT_ABANDONED &&
            client_ref_is(flight->client, client) &&
            (!oldest || flight->seq < oldest->seq))
            oldest = flight;
    }
    return oldest;
}
