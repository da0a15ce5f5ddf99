/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pty: a terminal that xenconsole and others open and close as they like.
 *
 * The slave is kept open here as well: with nobody else on it the master
 * would report a hang-up without end. It starts raw. The master of an
 * earlier daemon is taken over, if the service manager kept it.
 */
#include "fdstore.h"
#include "tools/common/log.h"
#include "kind.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

struct out_pty {
    struct output output;
    struct stream stream;       /* the master */
    int slave;
    char path[64];
};

static void pty_close(struct output *output)
{
    struct out_pty *pty = (struct out_pty *)output;
    const struct record *id = &output->host->ring;

    if (stream_is_open(&pty->stream))
        fdstore_drop(id->domid, id->n);
    stream_close(&pty->stream);
    if (pty->slave >= 0)
        close(pty->slave);
    free(pty);
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
    size_t taken;

    if (n > room && !output->host->keep) {
        /* Room for the newest; n is never more than all. */
        fifo_consume(fifo, n - room);
        output->host->counters->dropped += n - room;
    }
    taken = fifo_put(fifo, bytes, n);
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

/* The slave, raw; -1 with errno. By its name where the mounts are gone
 * among which an earlier daemon opened the master: systemd gives each start
 * of a unit a mount namespace of its own. */
static int slave_open(int master, const char *path)
{
    const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
    int slave = ioctl(master, TIOCGPTPEER, flags);
    struct termios termios;

    if (slave < 0 && errno == ENODEV)
        slave = open(path, flags);
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

static int pty_set_up(struct out_pty *pty, int master)
{
    struct output_host *host = pty->output.host;

    if ((errno = ptsname_r(master, pty->path, sizeof(pty->path))))
        return -1;
    pty->slave = slave_open(master, pty->path);
    if (pty->slave < 0)
        return -1;
    return stream_open(&pty->stream, host->loop, master, pty_event, pty);
}

struct output *out_pty_open(const struct settings *settings,
                            struct output_host *host)
{
    struct out_pty *pty = calloc(1, sizeof(*pty));
    const struct record *id = &host->ring;
    int master, error;
    bool kept;

    if (!pty)
        return NULL;
    pty->output.ops = &out_pty_ops;
    pty->output.host = host;
    pty->slave = -1;
    stream_init(&pty->stream, settings->limit);
    master = fdstore_take(id->domid, id->n);
    kept = master >= 0;
    if (!kept)
        master = master_open();
    if (master >= 0 && !pty_set_up(pty, master)) {
        if (!kept)
            fdstore_keep(id->domid, id->n, master);
        return &pty->output;
    }
    error = errno;
    if (master >= 0)
        close(master);
    pty_close(&pty->output);
    errno = error;
    return NULL;
}
