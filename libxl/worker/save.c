/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket is connected for one save only. xenconsoled may be
 * restarted meanwhile; it then goes on with an open stream, and sync can
 * be asked again, as save-begin can before QEMU has been told anything. So
 * a connection that is lost, or can't be made, is made again until the
 * time limit of what is asked for; only an answer is final. While nothing
 * is asked for (OPEN) it may stay lost: save_sync() makes it anew. A
 * restarted xenconsoled knows whose a stream is by the save's name.
 *
 * Requests are a dozen bytes into an empty socket buffer, so they are sent
 * at once or not at all. Failures are reported by a timer without delay:
 * whoever called is not called back before it has returned.
 */
#include "save.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/common/log.h"
#include "limits.h"

#define SAVE_PROTOCOL "xenconsoled 1 "
#define SAVE_BEGIN    "save-begin"
#define SAVE_SYNC     "sync"
#define SAVE_EVENT    "__xenqmp_SAVED"
/* What a xenconsoled answers that knows no names. */
#define SAVE_UNKNOWN  "error unknown request"

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
              save->state == SAVE_SYNCING ?
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
    char line[64];
    int len = snprintf(line, sizeof(line), "%s%s%s\n",
                       save->state == SAVE_SYNCING ? SAVE_SYNC : SAVE_BEGIN,
                       *save->name ? " " : "", save->name);
    ssize_t n = send(save->fd, line, (size_t)len,
                     MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n != len)
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

/* Nobody can take this save for another, nor guess its name. */
static void save_new_name(struct save *save)
{
    uint64_t random;

    while (getrandom(&random, sizeof(random), 0) !=
           (ssize_t)sizeof(random))
        assert(errno == EINTR);
    snprintf(save->name, sizeof(save->name), "%016" PRIx64, random);
}

/* The file can't be held against what QEMU wrote. */
static void save_untold(struct save *save, const char *why)
{
    if (!save->untold_logged)
        log_info("domain %u: whether saved states reach their file whole "
                 "is not checked: %s", save->guest_domid, why);
    save->untold_logged = true;
}

/* The stream is complete; answer: "ok", its length and its CRC-32. */
static void save_complete(struct save *save, const char *answer)
{
    char why[128];
    uint64_t length;
    uint32_t crc;
    int n = sscanf(answer, "ok %" SCNu64 " %" SCNu32, &length, &crc);

    if (!save->told)
        save_untold(save, "the stubdomain's image does not tell what QEMU "
                    "wrote; make a new one with mkstubdom");
    else if (n < 2)
        save_untold(save, "this xenconsoled counts no checksum");
    if (save->told && n >= 1 && length != save->length)
        snprintf(why, sizeof(why), "%" PRIu64 " bytes came of the %" PRIu64
                 " that QEMU wrote", length, save->length);
    else if (save->told && n == 2 && crc != save->crc)
        snprintf(why, sizeof(why), "other bytes came than QEMU wrote "
                 "(CRC-32 %08" PRIx32 ", not %08" PRIx32 ")", crc,
                 save->crc);
    else {
        save_cancel(save);
        save->hooks->synced(save->data, NULL);  /* must be last */
        return;
    }
    save_fail(save, "console 1", why);
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
    case SAVE_OPENING:
        if (*save->name &&
            !strncmp(line, SAVE_UNKNOWN, strlen(SAVE_UNKNOWN))) {
            *save->name = '\0';
            save_request(save);
            break;
        }
        if (!ok) {
            save_fail(save, "xenconsoled", line);
            break;
        }
        loop_timer_clear(save->loop, &save->timer);
        save->state = SAVE_OPEN;
        save->hooks->begun(save->data, NULL);   /* must be last */
        break;
    case SAVE_SYNCING:
        if (!ok) {
            save_fail(save, "xenconsoled", line);
            break;
        }
        save_complete(save, line);      /* must be last */
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
    save->obstacle[0] = save->name[0] = '\0';
    save->told = save->untold_logged = false;
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
    save->state = SAVE_OPENING;
    save->told = false;
    save_new_name(save);
    save->report = save->hooks->begun;
    save_arm(save, WORKER_SAVE_BEGIN_MS, save_timeout);
    save_connect(save);
}

/* A member of data that is a whole number up to max, of at most 19 digits:
 * they fit. */
static bool event_number(const struct qmp_message *event, const char *key,
                         uint64_t max, uint64_t *number_r)
{
    struct qmp_span span;
    char text[20];

    if (!qmp_message_member(event, event->data, key, &span) ||
        span.len >= sizeof(text))
        return false;
    memcpy(text, qmp_span_text(event, span), span.len);
    text[span.len] = '\0';
    return strspn(text, "0123456789") == span.len &&
           sscanf(text, "%" SCNu64, number_r) == 1 && *number_r <= max;
}

bool save_told(struct save *save, const struct qmp_message *event,
               const char *id)
{
    uint64_t length, crc;
    struct qmp_span span;
    char name[32];

    if (qmp_message_name(event, name, sizeof(name)) ||
        strcmp(name, SAVE_EVENT))
        return false;
    if (save->state == SAVE_OPEN &&
        qmp_message_member(event, event->data, "id", &span) &&
        qmp_span_is_string(event, span, id) &&
        event_number(event, "length", UINT64_MAX, &length) &&
        event_number(event, "crc32", UINT32_MAX, &crc)) {
        save->told = true;
        save->length = length;
        save->crc = (uint32_t)crc;
    }
    return true;
}

void save_sync(struct save *save)
{
    save->report = save->hooks->synced;
    if (save->state == SAVE_FAILED) {
        save_arm(save, 0, save_report);
        return;
    }
    assert(save->state == SAVE_OPEN);
    save->state = SAVE_SYNCING;
    save_arm(save, WORKER_SAVE_SYNC_MS, save_timeout);
    if (save->fd >= 0)
        save_request(save);
    else
        save_connect(save);
}

void save_cancel(struct save *save)
{
    save_close(save);
    save->obstacle[0] = '\0';
    save->state = SAVE_IDLE;
}
