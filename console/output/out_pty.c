/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pty: a terminal that xenconsole and others open and close as they like.
 *
 * The slave is kept open here as well: with nobody else on it the master
 * would report a hang-up without end. It starts raw. The master of an
 * earlier daemon is taken over, if the service manager kept it.
 *
 * Linux forgets what nobody has read of a terminal when its master is
 * closed: the last words of a guest that was destroyed, which are why one
 * reads. So a terminal whose console has ended stays as long as somebody has
 * it open who has not read all, at most for LAST_MS, and of such terminals
 * there are LAST_MAX at most.
 */
#include "fdstore.h"
#include "tools/common/log.h"
#include "kind.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <termios.h>
#include <unistd.h>

#ifndef LAST_MS
#define LAST_MS      5000
#endif
#define LAST_MAX     64
/* Between the master and who reads there is a queue of the kernel's that
 * nobody can ask: a terminal is empty when it looks so for a while. */
#define LAST_TURN_MS 20
#ifndef LAST_QUIET
#define LAST_QUIET   5
#endif

struct out_pty {
    struct output output;
    struct stream stream;       /* the master */
    int slave;
    char path[64];
    /* Of one whose console has ended: output has no host any more. */
    TAILQ_ENTRY(out_pty) last;
    struct loop_timer turn;
    int64_t end_ms;
    unsigned int quiet;         /* turns in a row that it looked empty */
};

static TAILQ_HEAD(, out_pty) lasting = TAILQ_HEAD_INITIALIZER(lasting);
static unsigned int lasting_n;

/* The slave; -1 with errno. By its name where the mounts are gone among which
 * an earlier daemon opened the master: systemd gives each start of a unit a
 * mount namespace of its own. */
static int slave_open(int master, const char *path)
{
    const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
    int slave = ioctl(master, TIOCGPTPEER, flags);

    if (slave < 0 && errno == ENODEV)
        slave = open(path, flags);
    return slave;
}

static void pty_free(struct out_pty *pty)
{
    stream_close(&pty->stream);
    if (pty->slave >= 0)
        close(pty->slave);
    free(pty);
}

/* Somebody else has it open: only then the master does not hang up when the
 * slave is closed here. */
static bool pty_has_reader(struct out_pty *pty)
{
    struct pollfd master = { .fd = pty->stream.fd };

    close(pty->slave);
    pty->slave = -1;
    if (poll(&master, 1, 0) < 0 || (master.revents & POLLHUP))
        return false;
    pty->slave = slave_open(pty->stream.fd, pty->path);
    return pty->slave >= 0;
}

/* Whoever has it open has not read all. */
static bool pty_has_words(const struct out_pty *pty)
{
    int unread = 0;

    return pty->stream.fifo.len ||
           (!ioctl(pty->slave, FIONREAD, &unread) && unread > 0);
}

static void last_end(struct out_pty *pty)
{
    loop_timer_clear(pty->stream.loop, &pty->turn);
    TAILQ_REMOVE(&lasting, pty, last);
    lasting_n--;
    pty_free(pty);
}

static void last_turn(void *data)
{
    struct out_pty *pty = data;
    bool lost = stream_flush(&pty->stream) < 0 || !pty_has_reader(pty);

    if (lost) {
        last_end(pty);
        return;
    }
    pty->quiet = pty_has_words(pty) ? 0 : pty->quiet + 1;
    if (pty->quiet == LAST_QUIET || loop_now_ms() >= pty->end_ms ||
        loop_timer_set(pty->stream.loop, &pty->turn, LAST_TURN_MS, last_turn,
                       pty))
        last_end(pty);
}

static void last_begin(struct out_pty *pty)
{
    if (lasting_n == LAST_MAX)
        last_end(TAILQ_FIRST(&lasting));
    TAILQ_INSERT_TAIL(&lasting, pty, last);
    lasting_n++;
    pty->output.host = NULL;
    pty->end_ms = loop_now_ms() + LAST_MS;
    stream_retire(&pty->stream);
    last_turn(pty);
}

static void pty_close(struct output *output)
{
    struct out_pty *pty = (struct out_pty *)output;
    const struct record *id = &output->host->ring;

    if (!stream_is_open(&pty->stream)) {
        pty_free(pty);
        return;
    }
    fdstore_drop(id->domid, id->n);
    last_begin(pty);
}

static void pty_flush(struct out_pty *pty)
{
    struct output_host *host = pty->output.host;
    ssize_t done = stream_flush(&pty->stream);

    if (done > 0)
        host->counters->delivered += (uint64_t)done;
    if (done < 0)
        log_guest(host->ring.domid, LOG_LEVEL_WARN,
                  "%s: cannot write to its terminal %s: %s", host->label,
                  pty->path, strerror(errno));
}

static size_t pty_put(struct output *output, const char *bytes, size_t n)
{
    struct out_pty *pty = (struct out_pty *)output;
    struct fifo *fifo = &pty->stream.fifo;
    size_t room = fifo->max - fifo->len;
    /* Then it is known to be full, and poll() waits for it. */
    bool waits = fifo->len;
    size_t taken;

    if (n > room && !output->host->keep) {
        /* Room for the newest; n is never more than all. */
        fifo_consume(fifo, n - room);
        output->host->counters->dropped += n - room;
    }
    taken = fifo_put(fifo, bytes, n);
    if (!waits)
        pty_flush(pty);
    if (taken < n && !output->host->keep) {
        /* Out of memory: the guest goes on, its bytes are lost. */
        output->host->counters->dropped += n - taken;
        return n;
    }
    return taken;
}

static size_t pty_get(struct output *output, char *bytes, size_t n)
{
    ssize_t r = stream_read(&((struct out_pty *)output)->stream, bytes, n);

    return r > 0 ? (size_t)r : 0;
}

static void pty_poll(struct output *output, bool room)
{
    stream_poll(&((struct out_pty *)output)->stream, room);
}

static size_t pty_buffered(const struct output *output)
{
    return ((const struct out_pty *)output)->stream.fifo.len;
}

const struct output_ops out_pty_ops = {
    .close = pty_close,
    .put = pty_put,
    .get = pty_get,
    .poll = pty_poll,
    .buffered = pty_buffered,
};

const char *out_pty_path(const struct output *output)
{
    return ((const struct out_pty *)output)->path;
}

static void pty_event(void *data, uint32_t events)
{
    struct out_pty *pty = data;

    stream_events(&pty->stream, events);
    pty_flush(pty);
    pty->output.host->wake(pty->output.host->data);
}

/* The same, raw. */
static int slave_open_raw(int master, const char *path)
{
    int slave = slave_open(master, path);
    struct termios termios;

    if (slave < 0 || tcgetattr(slave, &termios))
        goto out;
    cfmakeraw(&termios);
    if (!tcsetattr(slave, TCSANOW, &termios))
        return slave;

out:
    if (slave >= 0)
        close(slave);
    return -1;
}

/* A new one; -1 with errno. */
static int master_open(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    if (master >= 0 && unlockpt(master)) {
        close(master);
        master = -1;
    }
    return master;
}

/* Takes the master over; -1 with errno, and it is closed. */
static int pty_set_up(struct out_pty *pty, int master)
{
    struct output_host *host = pty->output.host;
    int error = ptsname_r(master, pty->path, sizeof(pty->path));

    if (!error) {
        pty->slave = slave_open_raw(master, pty->path);
        if (pty->slave >= 0 &&
            !stream_open(&pty->stream, host->loop, master, pty_event, pty))
            return 0;
        error = errno;
    }
    if (pty->slave >= 0)
        close(pty->slave);
    pty->slave = -1;
    close(master);
    errno = error;
    return -1;
}

/* The earlier daemon's, if there is one and it is of use. */
static bool pty_take_over(struct out_pty *pty)
{
    const struct record *id = &pty->output.host->ring;
    int master = fdstore_take(id->domid, id->n);

    if (master < 0)
        return false;
    if (!pty_set_up(pty, master))
        return true;
    log_warn("%s: the terminal of the daemon before cannot be opened: %s; "
             "it gets a new one", pty->output.host->label, strerror(errno));
    fdstore_drop(id->domid, id->n);
    return false;
}

static int pty_make(struct out_pty *pty)
{
    const struct record *id = &pty->output.host->ring;
    int master = master_open();

    if (master < 0 || pty_set_up(pty, master))
        return -1;
    fdstore_keep(id->domid, id->n, master);
    return 0;
}

struct output *out_pty_open(const struct settings *settings,
                            struct output_host *host)
{
    struct out_pty *pty = calloc(1, sizeof(*pty));
    int error;

    if (!pty)
        return NULL;
    pty->output.ops = &out_pty_ops;
    pty->output.host = host;
    pty->slave = -1;
    stream_init(&pty->stream, settings->limit);
    if (pty_take_over(pty) || !pty_make(pty))
        return &pty->output;
    error = errno;
    pty_free(pty);
    errno = error;
    return NULL;
}
