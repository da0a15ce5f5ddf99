/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket is connected for one save only. xenconsoled may be
 * restarted meanwhile; it then goes on with an open stream, and sync can
 * be asked again, as save-begin can before QEMU has been told anything. So
 * a connection that is lost, or can't be made, is made again until the
 * time limit of what is asked for; only an answer is final. While nothing
 * is asked for (OPEN) it may stay lost: save_sync() makes it anew.
 *
 * Requests are a dozen bytes into an empty socket buffer, so they are sent
 * at once or not at all. Failures are reported by a timer without delay:
 * whoever called is not called back before it has returned.
 */
#include "worker_save.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "worker_limits.h"

#define SAVE_PROTOCOL   "xenconsoled 1 "
#define SAVE_BEGIN_LINE "save-begin\n"
#define SAVE_SYNC_LINE  "sync\n"

static void save_disconnect(struct save *save)
{
    loop_del(save->loop, &save->id);
    if (save->fd >= 0)
        close(save->fd);
    save->fd = -1;
    save->greeted = false;
    qmp_buf_consume(&save->in, save->in.len);
}

static void save_close(struct save *save)
{
    loop_timer_clear(save->loop, &save->timer);
    loop_timer_clear(save->loop, &save->retry);
    save_disconnect(save);
}

static void save_report(void *data)
{
    struct save *save = data;

    save_cancel(save);
    save->report(save->data, save->error);      /* must be last */
}

static void save_arm(struct save *save, int64_t ms, loop_timer_fn *fn)
{
    /* The heap has room for it but on the first call. */
    if (loop_timer_set(save->loop, &save->timer, ms, fn, save))
        log_error("domain %u: out of memory; a save may hang",
                  save->guest_domid);
}

/* Ends the save; says so now, or when sync is asked for. */
static void save_fail(struct save *save, const char *what,
                      const char *why)
{
    bool wait = save->state == SAVE_OPEN;

    save_close(save);
    save->state = SAVE_FAILED;
    snprintf(save->error, sizeof(save->error), "%s: %s", what, why);
    log_guest(save->guest_domid, LOG_LEVEL_WARN,
              "domain %u: a save of the stubdomain's device state fails: "
              "%s", save->guest_domid, save->error);
    if (!wait)
        save_arm(save, 0, save_report);
}

static void save_timeout(void *data)
{
    struct save *save = data;

    save_fail(save, "xenconsoled", save->obstacle[0] ? save->obstacle :
              save->state == SAVE_SYNC ?
              "it has not completed the state's file in time" :
              "it has not opened the state's file in time");
}

static void save_connect(void *data);

/* There is no connection: another one, if something is asked for. */
static void save_lost(struct save *save, const char *what, const char *why)
{
    save_disconnect(save);
    snprintf(save->obstacle, sizeof(save->obstacle), "%s: %s", what, why);
    if (save->state == SAVE_OPEN)
        return;
    if (loop_timer_set(save->loop, &save->retry, WORKER_SAVE_RETRY_MS,
                       save_connect, save))
        log_error("domain %u: out of memory; a save may hang",
                  save->guest_domid);
}

static void save_request(struct save *save)
{
    const char *line = save->state == SAVE_SYNC ? SAVE_SYNC_LINE :
                       SAVE_BEGIN_LINE;
    ssize_t n = send(save->fd, line, strlen(line),
                     MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n != (ssize_t)strlen(line))
        save_lost(save, "cannot write to it",
                  n < 0 ? strerror(errno) : "only a part was taken");
}

static void save_greeted(struct save *save, const char *line)
{
    if (strncmp(line, SAVE_PROTOCOL, strlen(SAVE_PROTOCOL))) {
        save_fail(save, "xenconsoled speaks another version", line);
        return;
    }
    save->greeted = true;
    save->obstacle[0] = '\0';
    save_request(save);
}

/* One line of xenconsoled's, terminated, without its end. */
static void save_line(struct save *save, char *line)
{
    bool ok = !strcmp(line, "ok") || !strncmp(line, "ok ", 3);

    if (!save->greeted) {
        save_greeted(save, line);
        return;
    }
    switch (save->state) {
    case SAVE_BEGIN:
        if (!ok) {
            save_fail(save, "xenconsoled", line);
            break;
        }
        loop_timer_clear(save->loop, &save->timer);
        save->state = SAVE_OPEN;
        save->hooks->begun(save->data, NULL);   /* must be last */
        break;
    case SAVE_SYNC:
        if (!ok) {
            save_fail(save, "xenconsoled", line);
            break;
        }
        save_cancel(save);
        save->hooks->synced(save->data, NULL);  /* must be last */
        break;
    default:
        save_fail(save, "xenconsoled said something unasked", line);
    }
}

static void save_ready(void *data, uint32_t events)
{
    struct save *save = data;
    char line[WORKER_CONTROL_LINE_MAX];
    const char *end;
    char *room;
    ssize_t n;
    size_t len;

    (void)events;
    room = qmp_buf_reserve(&save->in, save->in.max - save->in.len);
    if (!room) {
        save_fail(save, "xenconsoled", "out of memory");
        return;
    }
    n = recv(save->fd, room, save->in.max - save->in.len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        save_lost(save, "the connection was lost",
                  n ? strerror(errno) : "closed");
        return;
    }
    qmp_buf_commit(&save->in, (size_t)n);
    while (save->fd >= 0 && save->in.len &&
           (end = memchr(save->in.data, '\n', save->in.len))) {
        len = (size_t)(end - save->in.data);
        memcpy(line, save->in.data, len);
        line[len] = '\0';
        log_sanitise(line, len);
        qmp_buf_consume(&save->in, len + 1);
        save_line(save, line);
    }
    if (save->in.len == save->in.max)
        save_fail(save, "xenconsoled", "it sent too long a line");
}

static void save_connect(void *data)
{
    struct save *save = data;
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(save->path) >= sizeof(address.sun_path)) {
        save_fail(save, "cannot connect to xenconsoled",
                  strerror(ENAMETOOLONG));
        return;
    }
    strcpy(address.sun_path, save->path);
    save->fd = socket(AF_UNIX,
                      SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (save->fd < 0 ||
        connect(save->fd, (struct sockaddr *)&address, sizeof(address)) ||
        loop_add(save->loop, save->fd, EPOLLIN, save_ready, save,
                 &save->id))
        save_lost(save, "cannot connect to it", strerror(errno));
}

void save_init(struct save *save)
{
    save->state = SAVE_IDLE;
    save->fd = -1;
    save->id = LOOP_NONE;
    save->greeted = false;
    save->obstacle[0] = '\0';
    save->timer = save->retry = (struct loop_timer){ 0 };
    qmp_buf_init(&save->in, WORKER_CONTROL_LINE_MAX);
}

void save_dispose(struct save *save)
{
    save_cancel(save);
    qmp_buf_dispose(&save->in);
}

void save_begin(struct save *save)
{
    assert(save->state == SAVE_IDLE);
    save->state = SAVE_BEGIN;
    save->report = save->hooks->begun;
    save_arm(save, WORKER_SAVE_BEGIN_MS, save_timeout);
    save_connect(save);
}

void save_sync(struct save *save)
{
    save->report = save->hooks->synced;
    if (save->state == SAVE_FAILED) {
        save_arm(save, 0, save_report);
        return;
    }
    assert(save->state == SAVE_OPEN);
    save->state = SAVE_SYNC;
    save_arm(save, WORKER_SAVE_SYNC_MS, save_timeout);
    if (save->fd >= 0)
        save_request(save);
    else
        save_connect(save);
}

void save_cancel(struct save *save)
{
    if (save->state == SAVE_OPEN &&
        (save->fd < 0 || send(save->fd, SAVE_SYNC_LINE,
                              strlen(SAVE_SYNC_LINE),
                              MSG_NOSIGNAL | MSG_DONTWAIT) < 0))
        log_guest(save->guest_domid, LOG_LEVEL_WARN,
                  "domain %u: a save's stream stays open until the next "
                  "save (%s)", save->guest_domid,
                  save->fd < 0 ? save->obstacle : strerror(errno));
    save_close(save);
    save->obstacle[0] = '\0';
    save->state = SAVE_IDLE;
}
