/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unix: one reader at a time, on a socket; beside it the control socket.
 *
 * Attached, nothing is lost either way: the ring is drained as fast as the
 * reader takes, and no faster than the buffer allows. A reader that takes
 * nothing for a while stops its guest, so it is detached. Unattached, the
 * guest's bytes are dropped; a reader sees nothing that is older than its
 * connection. When the ring goes, the reader goes: what is in flight
 * is lost then, and both sides must know.
 */
#include "tools/common/log.h"
#include "kind.h"
#include "stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A reader that is alive takes something in this time, however busy the
 * host; QEMU with its 1-vCPU stubdomain stands still meanwhile. */
#define UNIX_STALL_MS 30000

struct out_unix {
    struct output output;
    struct listener listener;
    struct control control;
    struct stream reader;       /* open: attached */
    struct loop_timer stall;    /* set while bytes wait for the reader */
};

static struct out_unix *unix_of(struct output *output)
{
    return (struct out_unix *)output;
}

static void unix_detach(struct out_unix *u)
{
    struct output_host *host = u->output.host;

    loop_timer_clear(host->loop, &u->stall);
    host->counters->dropped += u->reader.fifo.len;
    stream_close(&u->reader);
}

static void unix_close(struct output *output)
{
    struct out_unix *u = unix_of(output);

    loop_timer_clear(output->host->loop, &u->stall);
    stream_close(&u->reader);
    control_dispose(&u->control);
    listener_dispose(&u->listener);
    free(u);
}

static void unix_stalled(void *data)
{
    struct out_unix *u = data;
    struct output_host *host = u->output.host;

    log_guest(host->ring.domid, LOG_LEVEL_WARN, "%s: the reader of %s has "
              "taken nothing for %d s; disconnected", host->label,
              u->listener.path, UNIX_STALL_MS / 1000);
    unix_detach(u);
    host->wake(host->data);
}

/* Writes what the reader takes and watches that it does. */
static void unix_flush(struct out_unix *u)
{
    struct output_host *host = u->output.host;
    ssize_t done = stream_flush(&u->reader);

    if (done < 0) {
        unix_detach(u);
        return;
    }
    host->counters->delivered += (uint64_t)done;
    if (done || !u->reader.fifo.len)
        loop_timer_clear(host->loop, &u->stall);
    if (u->reader.fifo.len && !loop_timer_is_set(&u->stall))
        loop_timer_set(host->loop, &u->stall, UNIX_STALL_MS, unix_stalled,
                       u);
}

static size_t unix_put(struct output *output, const char *bytes, size_t n)
{
    struct out_unix *u = unix_of(output);
    size_t taken;

    if (!stream_is_open(&u->reader)) {
        output->host->counters->dropped += n;
        return n;
    }
    taken = fifo_put(&u->reader.fifo, bytes, n);
    unix_flush(u);
    return taken;
}

static size_t unix_get(struct output *output, char *bytes, size_t n)
{
    struct out_unix *u = unix_of(output);
    ssize_t r = 0;

    if (stream_is_open(&u->reader))
        r = stream_read(&u->reader, bytes, n);
    if (r < 0)
        unix_detach(u);
    return r > 0 ? (size_t)r : 0;
}

static void unix_poll(struct output *output, bool room)
{
    struct out_unix *u = unix_of(output);

    /* What it had sent before it went is in the ring, as far as it fits:
     * epoll would report the hang-up without end. */
    if (u->reader.hung_up)
        unix_detach(u);
    stream_poll(&u->reader, room);
}

static void unix_ring_lost(struct output *output)
{
    unix_detach(unix_of(output));
}

static size_t unix_buffered(const struct output *output)
{
    return ((const struct out_unix *)output)->reader.fifo.len;
}

const struct output_ops out_unix_ops = {
    .close = unix_close,
    .put = unix_put,
    .get = unix_get,
    .poll = unix_poll,
    .ring_lost = unix_ring_lost,
    .buffered = unix_buffered,
};

bool out_unix_attached(const struct output *output)
{
    return stream_is_open(&((const struct out_unix *)output)->reader);
}

void out_unix_ask_again(struct output *output)
{
    control_ask_again(&unix_of(output)->control);
}

static void unix_reader_event(void *data, uint32_t events)
{
    struct out_unix *u = data;

    stream_events(&u->reader, events);
    if (events & EPOLLOUT)
        unix_flush(u);
    u->output.host->wake(u->output.host->data);
}

static void unix_accept(void *data, int fd)
{
    struct out_unix *u = data;
    struct output_host *host = u->output.host;

    if (stream_is_open(&u->reader)) {
        close(fd);
        return;
    }
    /* Still unattached: what the guest wrote before is dropped. */
    host->drain(host->data);
    if (stream_open(&u->reader, host->loop, fd, unix_reader_event, u)) {
        log_guest(host->ring.domid, LOG_LEVEL_WARN, "%s: cannot serve a "
                  "reader: %s", host->label, strerror(errno));
        close(fd);
        return;
    }
    host->wake(host->data);
}

static void unix_opened(void *data, int error)
{
    struct output_host *host = ((struct out_unix *)data)->output.host;

    host->opened(host->data, error);    /* must be last */
}

void out_unix_attach(struct output *output, int fd)
{
    unix_accept(output, fd);
}

struct output *out_unix_open(const struct settings *settings,
                             struct output_host *host)
{
    static const struct listener_ops ops = {
        .opened = unix_opened, .accepted = unix_accept,
    };
    struct out_unix *u = calloc(1, sizeof(*u));
    char control_path[SETTINGS_PATH_MAX + 8];
    int error;

    if (!u)
        return NULL;
    u->output.ops = &out_unix_ops;
    u->output.host = host;
    stream_init(&u->reader, settings->limit);
    listener_init(&u->listener);
    control_init(&u->control);
    snprintf(control_path, sizeof(control_path), "%s.ctl", settings->path);
    /* The control socket first: who finds the console finds both. */
    u->control.failed = host->opened;
    if (control_open(&u->control, host->loop, host->lanes, control_path,
                     host->ring.domid, settings->uid, host->control,
                     host->data) ||
        listener_open(&u->listener, host->loop, host->lanes, settings->path,
                      host->ring.domid, settings->uid, &ops, u)) {
        error = errno;
        unix_close(&u->output);
        errno = error;
        return NULL;
    }
    return &u->output;
}
