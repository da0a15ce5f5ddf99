/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients are root's programs, but clumsy or slow, or anybody's: one that
 * doesn't read must cost the others nothing. Its output is bounded: beyond the first
 * limit its events are dropped and its commands wait, beyond the second it
 * is closed, and so it is when it takes nothing for too long.
 *
 * Nothing of a message is read before there's room to handle it; what
 * waits then is in the client's own socket buffer. Descriptors that come
 * along (libxl's add-fd) are closed by the kernel, for recv() leaves no
 * place to put them.
 *
 * A client with a share of QEMU only has a pace as well: each piece that is
 * read and each message that is handled, whatever it is, counts.
 *
 * A client is never closed right behind an error: libxl sees the hang-up
 * first. It is closed when it has hung up, or doesn't read anyway.
 */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/common/log.h"
#include "libxl/qmp/quotes.h"
#include "limits.h"
#include "reply.h"

bool client_is_live(const struct client *client)
{
    return client->state != CLIENT_FREE && client->state != CLIENT_DEAD;
}

/* 0, or milliseconds until it is its turn again. */
static int64_t client_wait(const struct client *client)
{
    return client->policy->share == FLIGHT_FULL ? 0 :
           pace_wait(&client->pace, WORKER_LESSER_BURST,
                     WORKER_LESSER_INTERVAL_MS, loop_now_ms());
}

static void client_turn(void *data)
{
    client_pump(data);
}

/* True if the next message, whatever it is, can be handled. */
static bool client_may_take(const struct client *client)
{
    return (client->state == CLIENT_NEGOTIATING ||
            client->state == CLIENT_READY) &&
           client->out.len <= WORKER_OUTPUT_PAUSE &&
           client->in_flight < client->policy->flights_max &&
           client->service->has_room(client) && !client_wait(client);
}

/* A piece of its input was read, or a message handled. */
static void client_count(struct client *client)
{
    int64_t wait;

    if (client->policy->share == FLIGHT_FULL)
        return;
    pace_take(&client->pace, WORKER_LESSER_INTERVAL_MS, loop_now_ms());
    wait = client_wait(client);
    if (wait && !loop_timer_is_set(&client->turn) &&
        loop_timer_set(client->loop, &client->turn, wait, client_turn,
                       client))
        client_close(client, "out of memory");
}

static bool client_may_read(const struct client *client)
{
    return client_may_take(client) && !client->has_next && !client->eof;
}

static void client_watch(struct client *client)
{
    loop_mod(client->loop, client->id,
             (client_may_read(client) ? EPOLLIN : 0) |
             (client->out.len ? EPOLLOUT : 0));
}

void client_close(struct client *client, const char *why)
{
    if (!client_is_live(client))
        return;
    if (why)
        log_guest(client->guest_domid, LOG_LEVEL_WARN,
                  "domain %u: QMP: closing the connection of %s: %s",
                  client->guest_domid, client->who, why);
    loop_timer_clear(client->loop, &client->greeting_timer);
    loop_timer_clear(client->loop, &client->stall);
    loop_timer_clear(client->loop, &client->blank);
    loop_timer_clear(client->loop, &client->turn);
    loop_del(client->loop, &client->id);
    close(client->fd);
    client->fd = -1;
    client->state = CLIENT_DEAD;
    client->hooks->dead(client->owner);
}

void client_dispose(struct client *client)
{
    qmp_framer_dispose(&client->framer);
    qmp_buf_dispose(&client->out);
    client->has_next = false;
    client->state = CLIENT_FREE;
}

static void client_stalled(void *data)
{
    client_close(data, "it does not read what is sent to it");
}

static void client_arm_stall(struct client *client)
{
    if (!client->out.len)
        loop_timer_clear(client->loop, &client->stall);
    else if (loop_timer_set(client->loop, &client->stall,
                            client->policy->stall_ms, client_stalled,
                            client))
        client_close(client, "out of memory");
}

static void client_tell_events_lost(struct client *client)
{
    if (!client->events_lost || client->state != CLIENT_READY ||
        client->out.len > WORKER_OUTPUT_PAUSE / 2 ||
        reply_events_lost(&client->out, client->events_lost))
        return;
    client->events_lost = 0;
}

/* Sends what the socket takes, and waits for the rest. */
static void client_flush(struct client *client)
{
    bool progress = !loop_timer_is_set(&client->stall);

    client_tell_events_lost(client);
    while (client->out.len) {
        ssize_t n = send(client->fd, client->out.data, client->out.len,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            client_close(client, NULL);         /* it has left */
            return;
        }
        qmp_buf_consume(&client->out, (size_t)n);
        client_tell_events_lost(client);
        progress = true;
    }
    if (progress)
        client_arm_stall(client);
    if (client_is_live(client))
        client_watch(client);
}

static void client_after_put(struct client *client, int failed)
{
    if (failed)
        client_close(client, "too much waits for it");
    else
        client_flush(client);
}

void client_put(struct client *client, const char *lines, size_t n)
{
    if (client_is_live(client))
        client_after_put(client, qmp_buf_append(&client->out, lines, n));
}

void client_put_return(struct client *client, const char *json,
                       const char *id, size_t n)
{
    if (client_is_live(client))
        client_after_put(client,
                         reply_return(&client->out, json, id, n));
}

void client_put_error(struct client *client, const char *class,
                      const char *desc, const char *id, size_t n)
{
    if (client_is_live(client))
        client_after_put(client,
                         reply_error(&client->out, class, desc, id, n));
}

static void client_blank(void *data)
{
    struct client *client = data;

    if (!client->in_flight || client->blanks++ == WORKER_BLANKS_MAX)
        return;
    client_put(client, " ", 1);
    if (client_is_live(client))
        loop_timer_set(client->loop, &client->blank, WORKER_BLANK_MS,
                       client_blank, client);
}

void client_expect_reply(struct client *client)
{
    client->in_flight++;
    client->blanks = 0;
    if (client->policy->impatient)
        loop_timer_set(client->loop, &client->blank, WORKER_BLANK_MS,
                       client_blank, client);
}

size_t client_input(const struct client *client)
{
    return client->framer.buf.len;
}

size_t client_reply_max(const struct client *client)
{
    return client->out.max - client->policy->output_reserve;
}

bool client_takes_reply(const struct client *client, size_t n)
{
    size_t room = client_reply_max(client);

    return n <= room && client->out.len <= room - n;
}

void client_put_event(struct client *client, const char *event, size_t n)
{
    if (client->state != CLIENT_READY)
        return;
    if (client->events_lost ||
        client->out.len + n + 2 > WORKER_OUTPUT_PAUSE) {
        client->events_lost++;
        ++*client->events_lost_r;
        if (!client->out.len)
            client_flush(client);   /* which tells it */
        return;
    }
    if (qmp_buf_append(&client->out, event, n) ||
        qmp_buf_append(&client->out, "\r\n", 2))
        client_close(client, "out of memory");
    else
        client_flush(client);
}

void client_forget_events(struct client *client)
{
    client->events_lost = 0;
}

static enum client_taken client_invalid(struct client *client,
                                        const char *desc)
{
    if (client->in_flight)
        return CLIENT_LATER;
    client_put_error(client, QMP_GENERIC_ERROR, desc, NULL, 0);
    return CLIENT_TAKEN;
}

static enum client_taken client_object(struct client *client,
                                       const char *text, size_t len)
{
    struct qmp_message message;
    const char *why;
    char desc[128];

    if (qmp_message_parse(&message, text, len, &why))
        return client->hooks->message(client, &message);
    snprintf(desc, sizeof(desc), "Invalid JSON syntax: %s", why);
    return client_invalid(client, desc);
}

/* What the framer has found. */
static enum client_taken client_take(struct client *client)
{
    enum client_taken taken;
    struct qmp_buf plain;

    if (client->next == QMP_FRAMER_TOO_LONG)
        return client_invalid(client, "The command is too long");
    if (client->next != QMP_FRAMER_MESSAGE)
        return client_invalid(client, "Invalid JSON syntax");
    if (!qmp_quotes_found(client->text, client->len))
        return client_object(client, client->text, client->len);

    qmp_buf_init(&plain, 2 * client->len);
    if (qmp_quotes_rewrite(client->text, client->len, &plain))
        taken = client_invalid(client, "Out of memory for the command");
    else
        taken = client_object(client, plain.data, plain.len);
    qmp_buf_dispose(&plain);
    return taken;
}

void client_pump(struct client *client)
{
    while (client_may_take(client)) {
        /* What was offered before waits for just this, and is not parsed
         * again for each reply to somebody else. */
        if (client->has_next && client->in_flight)
            break;
        if (!client->has_next) {
            client->next = qmp_framer_next(&client->framer, &client->text,
                                           &client->len);
            if (client->next == QMP_FRAMER_MORE)
                break;
            client->has_next = true;
        }
        if (client_take(client) == CLIENT_LATER)
            break;
        client->has_next = false;
        client->active_ms = loop_now_ms();
        if (client_is_live(client))
            client_count(client);
    }
    if (!client_is_live(client))
        return;
    if (client->eof && !client->in_flight && !client->out.len &&
        client_may_take(client) && !client->has_next)
        client_close(client, NULL);
    else
        client_watch(client);
}

static void client_read(struct client *client)
{
    static char bytes[QMP_FRAMER_CHUNK];
    ssize_t n = recv(client->fd, bytes, client->policy->input_chunk,
                     MSG_DONTWAIT);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            client_close(client, NULL);
        return;
    }
    client->eof = !n;
    if (qmp_framer_push(&client->framer, bytes, (size_t)n))
        client_close(client, "out of memory");
    else if (client_input(client) > WORKER_INPUT_FAIR &&
             client->hooks->crowded(client->owner))
        client_close(client, "too much waits of unfinished commands");
    else
        client_count(client);
}

static void client_ready(void *data, uint32_t events)
{
    struct client *client = data;

    if (events & EPOLLOUT)
        client_flush(client);
    if (client_may_read(client) && events & ~(uint32_t)EPOLLOUT)
        client_read(client);
    else if (events & (EPOLLHUP | EPOLLERR))
        client_close(client, NULL);     /* what it still sent is lost */
    client_pump(client);
}

int client_open(struct client *client, int fd)
{
    int e;

    client->state = CLIENT_GREETING;
    client->fd = fd;
    client->in_flight = client->events_lost = 0;
    client->has_next = client->eof = false;
    client->greeting_timer = client->stall = client->blank =
        client->turn = (struct loop_timer){ 0 };
    client->pace = (struct pace){ 0 };
    client->active_ms = loop_now_ms();
    qmp_buf_init(&client->out, client->policy->output_max);
    qmp_framer_init(&client->framer, QMP_FRAMER_CLIENT,
                    client->policy->command_max);
    if (loop_add(client->loop, fd, 0, client_ready, client, &client->id)) {
        e = errno;
        close(fd);
        client_dispose(client);
        errno = e;
        return -1;
    }
    snprintf(client->who, sizeof(client->who), "process %ld of user %ld",
             (long)client->pid, (long)client->uid);
    return 0;
}
