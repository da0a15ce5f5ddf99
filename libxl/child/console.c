/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connect() to a unix socket never is "in progress": it succeeds or fails
 * at once, so there are two states only, connected or waiting for the
 * retry timer. xenconsoled makes its socket when the console appears,
 * removes it with the console, and closes a second reader: all of them
 * look like a failure here, and all are mended by trying again.
 */
#include "console.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/common/log.h"

static void console_attempt(void *data);

static void console_retry(struct console *console)
{
    if (loop_timer_set(console->loop, &console->retry, console->retry_ms,
                       console_attempt, console))
        log_error("domain %u: out of memory; %s is lost", console->dm_domid,
                  console->name);
    console->retry_ms *= 2;
    if (console->retry_ms > CONSOLE_CONNECT_LAST_MS)
        console->retry_ms = CONSOLE_CONNECT_LAST_MS;
}

static void console_close(struct console *console)
{
    loop_del(console->loop, &console->id);
    if (console->fd >= 0)
        close(console->fd);
    console->fd = -1;
    console_drop_output(console);
}

static void console_lost(struct console *console, const char *why)
{
    console_close(console);
    console_retry(console);
    log_guest(console->dm_domid, LOG_LEVEL_INFO,
              "domain %u: %s: lost the connection to xenconsoled (%s); "
              "connecting again", console->dm_domid, console->name, why);
    console->hooks->lost(console->data, why);   /* must be last */
}

static void console_watch(struct console *console)
{
    loop_mod(console->loop, console->id,
             EPOLLIN | (console->out.len ? EPOLLOUT : 0));
}

/* False if the connection is broken, with errno. */
static bool console_flush(struct console *console)
{
    while (console->out.len) {
        ssize_t n = send(console->fd, console->out.data, console->out.len,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        console->written += (uint64_t)n;
        qmp_buf_consume(&console->out, (size_t)n);
    }
    return true;
}

static void console_ready(void *data, uint32_t events)
{
    static char bytes[CONSOLE_CHUNK];
    struct console *console = data;
    size_t before = console->out.len;
    ssize_t n;

    if (!console_flush(console)) {
        console_lost(console, strerror(errno));     /* must be last */
        return;
    }
    console_watch(console);
    if (console->out.len < before) {
        loop_id id = console->id;

        console->hooks->drained(console->data);
        if (console->id != id)
            return;
    }
    if (!(events & ~(uint32_t)EPOLLOUT))
        return;

    n = recv(console->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n > 0)
        console->hooks->bytes(console->data, bytes, (size_t)n);
    else if (!n)
        console_lost(console, "closed");
    else if (errno != EAGAIN && errno != EINTR)
        console_lost(console, strerror(errno));
}

static int console_connect(struct console *console)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int e;

    if (strlen(console->path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, console->path);
    console->fd = socket(AF_UNIX,
                         SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (console->fd < 0)
        return -1;
    if (connect(console->fd, (struct sockaddr *)&address,
                sizeof(address)) ||
        loop_add(console->loop, console->fd, EPOLLIN, console_ready,
                 console, &console->id)) {
        e = errno;
        console_close(console);
        errno = e;
        return -1;
    }
    return 0;
}

static void console_attempt(void *data)
{
    struct console *console = data;

    if (console_connect(console)) {
        if (++console->failures == CONSOLE_CONNECT_WARN)
            log_guest(console->dm_domid, LOG_LEVEL_WARN,
                      "domain %u: %s: xenconsoled does not serve %s (%s); "
                      "trying on; see that xenqmp's xenconsoled runs",
                      console->dm_domid, console->name, console->path,
                      strerror(errno));
        console_retry(console);
        return;
    }
    console->failures = 0;
    console->hooks->connected(console->data);   /* must be last */
}

int console_init(struct console *console)
{
    qmp_buf_init(&console->out, console->max);
    console->fd = -1;
    console->id = LOOP_NONE;
    console->retry = (struct loop_timer){ 0 };
    console->written = 0;
    console->failures = 0;
    console_set_healthy(console);
    return loop_timer_set(console->loop, &console->retry, 0,
                          console_attempt, console);
}

void console_dispose(struct console *console)
{
    loop_timer_clear(console->loop, &console->retry);
    console_close(console);
    qmp_buf_dispose(&console->out);
}

bool console_is_connected(const struct console *console)
{
    return console->fd >= 0;
}

int console_put(struct console *console, const char *bytes, size_t n,
                uint64_t *end_r)
{
    if (console->fd < 0 || qmp_buf_append(&console->out, bytes, n))
        return -1;
    if (end_r)
        *end_r = console->written + console->out.len;
    /* A failure comes again as an event, where it may be handled. */
    console_flush(console);
    console_watch(console);
    return 0;
}

void console_drop_output(struct console *console)
{
    qmp_buf_consume(&console->out, console->out.len);
    if (console->fd >= 0)
        console_watch(console);
}

void console_set_healthy(struct console *console)
{
    console->retry_ms = CONSOLE_CONNECT_FIRST_MS;
}
