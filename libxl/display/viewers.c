/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "viewers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/common/log.h"

/* The beginning, ours or QEMU's, comes before a window of the channel. */
#define VIEWER_OUT_MAX (LINK_WINDOW_MASTER + 1024)
/* Events that nobody has to ask for. */
#define HUNG_UP        (EPOLLHUP | EPOLLERR)

void viewers_init(struct viewers *viewers)
{
    memset(viewers->places, 0, sizeof(viewers->places));
    for (size_t i = 0; i < DISPLAY_PLACES; i++)
        viewers->places[i].viewers = viewers;
    viewers->number = 0;
    /* Those of the worker before are gone. */
    viewers->counts->viewers = 0;
}

static bool has_channel(const struct viewer *v)
{
    return v->state == VIEWER_CONNECTING || v->state == VIEWER_LOOKING;
}

/* Frees the place. The channel is closed as well, unless the link has. */
static void viewer_remove(struct viewer *v)
{
    struct viewers *viewers = v->viewers;
    bool close_channel = has_channel(v);

    if (v->state == VIEWER_LOOKING)
        viewers->counts->viewers--;
    v->state = VIEWER_NONE;
    loop_timer_clear(viewers->loop, &v->limit);
    loop_timer_clear(viewers->loop, &v->more);
    loop_del(viewers->loop, &v->id);
    if (v->tls)
        viewers->tls->end(v->tls);
    v->tls = NULL;
    close(v->fd);
    qmp_buf_dispose(&v->out);
    if (close_channel) {
        link_close(viewers->link, v->channel);
        viewers->spoke(viewers->data);
    }
}

static void viewer_drop(struct viewer *v, const char *why)
{
    log_guest(v->viewers->guest_domid, LOG_LEVEL_INFO,
              "domain %u: display: the viewer at %s is gone: %s",
              v->viewers->guest_domid, v->from, why);
    viewer_remove(v);
}

/* What errno says of its connection. */
static const char *viewer_trouble(const struct viewer *v)
{
    return v->tls && errno == EPROTO ? v->viewers->tls->why(v->tls) :
           strerror(errno);
}

/* As recv() and send() that don't block. */
static ssize_t viewer_recv(struct viewer *v, void *bytes, size_t n)
{
    return v->tls ? v->viewers->tls->recv(v->tls, bytes, n) :
           recv(v->fd, bytes, n, MSG_DONTWAIT);
}

static ssize_t viewer_send(struct viewer *v, const void *bytes, size_t n)
{
    return v->tls ? v->viewers->tls->send(v->tls, bytes, n) :
           send(v->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool viewer_flush(struct viewer *v);

static void viewer_is_late(void *data)
{
    struct viewer *v = data;

    if (v->state == VIEWER_WRONG && !viewer_flush(v))
        return;
    viewer_drop(v, v->state == VIEWER_WRONG ? v->rfb.why :
                v->state == VIEWER_BEGINNING || v->state == VIEWER_SECURING ||
                v->state == VIEWER_ANSWERED ?
                "it does not go on" :
                v->state == VIEWER_WAITING ?
                "the stubdomain does not answer; if its image is older than "
                "displays, run mkstubdom and reboot the guest" :
                v->state == VIEWER_LOOKING ?
                "it hung up, and the stubdomain does not take what it typed" :
                "the stubdomain's QEMU does not answer");
}

/* False: it is gone. */
static bool viewer_hurry(struct viewer *v, int64_t ms)
{
    if (!loop_timer_set(v->viewers->loop, &v->limit, ms, viewer_is_late, v))
        return true;
    viewer_drop(v, "out of memory");
    return false;
}

static bool viewer_is_heard(const struct viewer *v)
{
    return v->state == VIEWER_BEGINNING ||
           (v->state == VIEWER_LOOKING &&
            link_room(v->viewers->link, v->channel));
}

static void viewer_read(struct viewer *v);
static void viewer_event(void *data, uint32_t events);

static void viewer_has_more(void *data)
{
    struct viewer *v = data;

    if (viewer_is_heard(v))
        viewer_read(v);
}

/* Without anything to wait for it is not watched: who has hung up would be
 * told of without end. False: it is gone. */
static bool viewer_wait(struct viewer *v, uint32_t events)
{
    struct loop *loop = v->viewers->loop;

    if (!events)
        loop_del(loop, &v->id);
    else if (v->id != LOOP_NONE)
        loop_mod(loop, v->id, events);
    else if (loop_add(loop, v->fd, events, viewer_event, v, &v->id)) {
        viewer_drop(v, "out of memory");
        return false;
    }
    return true;
}

/* Only what is looked at is waited for, and who hangs up: while it looks,
 * once, for what it has said before is read first, as its credit allows. */
static void viewer_watch(struct viewer *v)
{
    uint32_t events = v->out.len && v->state != VIEWER_WRONG ? EPOLLOUT : 0;
    bool heard = viewer_is_heard(v);

    if (heard)
        events |= EPOLLIN;
    else if (v->state != VIEWER_LOOKING || !loop_timer_is_set(&v->limit))
        events |= EPOLLRDHUP;
    if (!viewer_wait(v, events))
        return;
    if (heard && v->tls && v->viewers->tls->pending(v->tls) &&
        loop_timer_set(v->viewers->loop, &v->more, 0, viewer_has_more, v))
        viewer_drop(v, "out of memory");        /* must be last */
}

/* By errno of a send: nothing comes to it any more, but what it has said may
 * still be read, and ends as it does. */
static bool viewer_only_spoke(const struct viewer *v)
{
    return v->state == VIEWER_LOOKING &&
           (errno == EPIPE || errno == ECONNRESET);
}

/* False: it is gone. */
static bool viewer_flush(struct viewer *v)
{
    size_t before = v->out.len;

    while (v->out.len) {
        ssize_t n = viewer_send(v, v->out.data, v->out.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0 && !viewer_only_spoke(v)) {
            viewer_drop(v, viewer_trouble(v));
            return false;
        }
        if (n < 0) {
            /* Nobody gets that. */
            before -= v->out.len;
            n = (ssize_t)v->out.len;
        }
        qmp_buf_consume(&v->out, (size_t)n);
    }
    if (v->state == VIEWER_LOOKING && v->out.len < before) {
        v->viewers->counts->to_viewers += before - v->out.len;
        link_taken(v->viewers->link, v->channel, before - v->out.len);
        v->viewers->spoke(v->viewers->data);
    }
    return true;
}

/* --- The beginning ---------------------------------------------------- */

/* Once it may look, and there is a session. */
static void viewer_connect(struct viewer *v)
{
    int channel = link_open(v->viewers->link);

    if (channel < 0) {
        if (v->viewers->link->in_order)
            viewer_drop(v, "as many others look already as may, or the "
                        "stubdomain does not listen");
        return;
    }
    v->state = VIEWER_CONNECTING;
    v->channel = (unsigned int)channel;
    rfb_connect(&v->rfb);
    v->viewers->spoke(v->viewers->data);
}

static void viewer_secure(struct viewer *v);

/* Its answer has gone out, for it is short, and nothing else has. */
static void viewer_begin_tls(struct viewer *v)
{
    const struct viewers *viewers = v->viewers;

    v->tls = v->out.len ? NULL : viewers->tls->begin(viewers->credentials,
                                                     v->fd);
    if (!v->tls)
        viewer_drop(v, v->out.len ? "it does not read" : "out of memory");
    else
        viewer_secure(v);                       /* must be last */
}

/* In that state, and without TLS if that is to come. */
static struct viewer *viewer_oldest(struct viewers *viewers,
                                    enum viewer_state state)
{
    struct viewer *oldest = NULL;

    for (size_t i = 0; i < DISPLAY_PLACES; i++) {
        struct viewer *v = &viewers->places[i];

        if (v->state == state && !(state == VIEWER_SECURING && v->tls) &&
            (!oldest || v->number < oldest->number))
            oldest = v;
    }
    return oldest;
}

/* Who is gone meanwhile has cost nobody a turn. */
static void tls_turn(void *data)
{
    struct viewers *viewers = data;
    struct viewer *next = viewer_oldest(viewers, VIEWER_SECURING);

    if (!next)
        return;
    if (loop_timer_set(viewers->loop, &viewers->turn, DISPLAY_TLS_GAP_MS,
                       tls_turn, viewers))
        viewer_drop(next, "out of memory");
    else
        viewer_begin_tls(next);
}

static void viewer_wait_for_tls(struct viewer *v)
{
    struct viewers *viewers = v->viewers;

    v->state = VIEWER_SECURING;
    viewer_watch(v);
    if (!loop_timer_is_set(&viewers->turn) &&
        loop_timer_set(viewers->loop, &viewers->turn, 0, tls_turn, viewers))
        viewer_drop(v, "out of memory");
}

static void viewer_begun(struct viewer *v, enum rfb_result result);

/* Who knows the password holds nobody up. */
static void check_turn(void *data)
{
    struct viewers *viewers = data;
    struct viewer *next = viewer_oldest(viewers, VIEWER_ANSWERED);
    enum rfb_result result;

    if (!next)
        return;
    result = rfb_check(&next->rfb, &next->out);
    if (loop_timer_set(viewers->loop, &viewers->check,
                       result == RFB_REFUSED ? DISPLAY_GUESS_GAP_MS : 0,
                       check_turn, viewers))
        viewer_drop(next, "out of memory");
    else
        viewer_begun(next, result);
}

static void viewer_wait_for_check(struct viewer *v)
{
    struct viewers *viewers = v->viewers;

    v->state = VIEWER_ANSWERED;
    viewer_watch(v);
    if (!loop_timer_is_set(&viewers->check))
        check_turn(viewers);                    /* must be last */
}

/* why: as long as it is there. */
static void viewer_refuse(struct viewer *v, const char *why)
{
    uint32_t guest = v->viewers->guest_domid;

    log_guest(guest, LOG_LEVEL_WARN, "domain %u: display: refused the viewer "
              "at %s: %s", guest, v->from, why);
    v->viewers->counts->refused++;
    v->state = VIEWER_WRONG;
    v->rfb.why = why;
    viewer_watch(v);
    viewer_hurry(v, DISPLAY_WRONG_MS);          /* must be last */
}

static void viewer_begun(struct viewer *v, enum rfb_result result)
{
    uint32_t guest = v->viewers->guest_domid;

    if (result == RFB_REFUSED) {
        viewer_refuse(v, v->rfb.why);
        return;
    }
    if (!viewer_flush(v))
        return;
    /* Half a step is none. */
    if (!(result == RFB_GOES_ON && v->rfb.n) &&
        !viewer_hurry(v, DISPLAY_BEGIN_MS))
        return;
    if (result == RFB_TLS) {
        viewer_wait_for_tls(v);
        return;
    }
    if (result == RFB_ANSWERED) {
        viewer_wait_for_check(v);
        return;
    }
    if (result == RFB_GOES_ON) {
        viewer_watch(v);
        return;
    }
    log_guest(guest, LOG_LEVEL_INFO, "domain %u: display: a viewer at %s "
              "looks", guest, v->from);
    v->state = VIEWER_WAITING;
    viewer_watch(v);
    if (v->state == VIEWER_WAITING)
        viewer_connect(v);                      /* must be last */
}

static void viewer_secure(struct viewer *v)
{
    int r = v->viewers->tls->handshake(v->tls);

    if (r < 0) {
        viewer_refuse(v, v->viewers->tls->why(v->tls));
    } else if (r > 0) {
        loop_mod(v->viewers->loop, v->id, (uint32_t)r);
    } else {
        v->state = VIEWER_BEGINNING;
        viewer_begun(v, rfb_secured(&v->rfb, &v->out));
    }
}

/* No more than belongs to the beginning: the rest is QEMU's. */
static void viewer_read_beginning(struct viewer *v)
{
    char bytes[RFB_PIECE_MAX];
    ssize_t n = viewer_recv(v, bytes, v->rfb.wants - v->rfb.n);
    size_t taken;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        viewer_drop(v, n ? viewer_trouble(v) : "it hung up");
    else
        viewer_begun(v, rfb_input(&v->rfb, bytes, (size_t)n, &taken,
                                  &v->out));
}

/* --- Bytes ------------------------------------------------------------ */

static void viewer_read_bytes(struct viewer *v)
{
    size_t room = link_room(v->viewers->link, v->channel);
    char bytes[FRAME_PAYLOAD_MAX];
    ssize_t n;

    if (!room)
        return;
    n = viewer_recv(v, bytes, room);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        viewer_drop(v, n ? viewer_trouble(v) : "it hung up");
        return;
    }
    v->viewers->counts->from_viewers += (uint64_t)n;
    link_send(v->viewers->link, v->channel, bytes, (size_t)n);
    v->viewers->spoke(v->viewers->data);
    viewer_watch(v);
}

static void viewer_read(struct viewer *v)
{
    if (v->state == VIEWER_BEGINNING)
        viewer_read_beginning(v);               /* must be last */
    else if (v->state == VIEWER_LOOKING)
        viewer_read_bytes(v);                   /* must be last */
}

static void viewer_hung_up(struct viewer *v)
{
    if (v->state != VIEWER_LOOKING)
        viewer_drop(v, "it hung up");
    else if (loop_timer_is_set(&v->limit) || viewer_hurry(v, DISPLAY_LAST_MS))
        viewer_watch(v);
}

static void viewer_event(void *data, uint32_t events)
{
    struct viewer *v = data;

    if (v->tls && v->state == VIEWER_SECURING) {
        viewer_secure(v);                       /* must be last */
        return;
    }
    if (events & (EPOLLOUT | HUNG_UP) && !viewer_flush(v))
        return;
    /* Who has hung up has said something before, perhaps. */
    if (events & (EPOLLIN | HUNG_UP) && viewer_is_heard(v))
        viewer_read(v);                         /* must be last */
    else if (events & (EPOLLRDHUP | HUNG_UP))
        viewer_hung_up(v);                      /* must be last */
    else
        viewer_watch(v);
}

/* Of QEMU's beginning. Returns how many bytes were not of it. */
static size_t viewer_connecting(struct viewer *v, const char *bytes, size_t n)
{
    struct qmp_buf answer;
    enum rfb_result result;
    size_t taken;

    qmp_buf_init(&answer, LINK_WINDOW_OTHER);
    result = rfb_input(&v->rfb, bytes, n, &taken, &answer);
    link_taken(v->viewers->link, v->channel, taken);
    if (result == RFB_REFUSED ||
        answer.len > link_room(v->viewers->link, v->channel)) {
        viewer_drop(v, result == RFB_REFUSED ? v->rfb.why :
                    "the stubdomain gives no credit");
        n = taken = 0;
    } else {
        link_send(v->viewers->link, v->channel, answer.data, answer.len);
    }
    if (result == RFB_DONE && n) {
        loop_timer_clear(v->viewers->loop, &v->limit);
        v->state = VIEWER_LOOKING;
        v->viewers->counts->viewers++;
        v->viewers->counts->looked++;
        viewer_watch(v);
    }
    qmp_buf_dispose(&answer);
    v->viewers->spoke(v->viewers->data);
    return n - taken;
}

static struct viewer *viewer_of(struct viewers *viewers, unsigned int channel)
{
    for (size_t i = 0; i < DISPLAY_PLACES; i++)
        if (has_channel(&viewers->places[i]) &&
            viewers->places[i].channel == channel)
            return &viewers->places[i];
    return NULL;
}

void viewers_bytes(struct viewers *viewers, unsigned int channel,
                   const void *bytes, size_t n)
{
    struct viewer *v = viewer_of(viewers, channel);
    const char *from = bytes;
    size_t left = n;

    if (v && v->state == VIEWER_CONNECTING)
        left = viewer_connecting(v, from, n);
    if (!v || v->state != VIEWER_LOOKING || !left)
        return;
    /* The credit is no more than fits. */
    if (qmp_buf_append(&v->out, from + (n - left), left))
        viewer_drop(v, strerror(errno));
    else if (viewer_flush(v))
        viewer_watch(v);
}

void viewers_closed(struct viewers *viewers, unsigned int channel)
{
    struct viewer *v = viewer_of(viewers, channel);

    if (!v)
        return;
    if (v->state == VIEWER_LOOKING)
        viewers->counts->viewers--;
    v->state = VIEWER_WAITING;          /* the channel is closed */
    viewer_drop(v, "the stubdomain's QEMU has closed its connection");
}

void viewers_ready(struct viewers *viewers)
{
    for (size_t i = 0; i < DISPLAY_PLACES; i++)
        if (viewers->places[i].state == VIEWER_WAITING)
            viewer_connect(&viewers->places[i]);
}

void viewers_resume(struct viewers *viewers)
{
    for (size_t i = 0; i < DISPLAY_PLACES; i++)
        if (viewers->places[i].state == VIEWER_LOOKING)
            viewer_watch(&viewers->places[i]);
}

/* --- Places ----------------------------------------------------------- */

/* At the beginning. */
static size_t places_of(const struct viewers *viewers, uint64_t peer)
{
    size_t n = 0;

    for (size_t i = 0; i < DISPLAY_PLACES; i++)
        n += viewers->places[i].peer == peer &&
             !has_channel(&viewers->places[i]);
    return n;
}

/* A free one, or one at the beginning: the oldest of the peer with most. */
static struct viewer *place_find(struct viewers *viewers)
{
    struct viewer *r = NULL;
    size_t most = 0;

    for (size_t i = 0; i < DISPLAY_PLACES; i++) {
        struct viewer *v = &viewers->places[i];
        size_t n;

        if (v->state == VIEWER_NONE)
            return v;
        if (has_channel(v))
            continue;
        n = places_of(viewers, v->peer);
        if (n > most || (n == most && v->number < r->number)) {
            r = v;
            most = n;
        }
    }
    if (r)
        viewer_drop(r, "others want its place");
    return r;
}

void viewers_add(struct viewers *viewers, int fd, uint64_t peer,
                 const char *from, bool tls)
{
    struct viewer *v = place_find(viewers);
    uint8_t challenge[RFB_CHALLENGE];

    if (!v || getrandom(challenge, sizeof(challenge), 0) !=
              sizeof(challenge) ||
        loop_add(viewers->loop, fd, EPOLLIN, viewer_event, v, &v->id)) {
        close(fd);
        return;
    }
    v->fd = fd;
    v->number = viewers->number++;
    v->peer = peer;
    v->state = VIEWER_BEGINNING;
    snprintf(v->from, sizeof(v->from), "%s", from);
    qmp_buf_init(&v->out, VIEWER_OUT_MAX);
    rfb_serve(&v->rfb, viewers->password, tls, challenge, &v->out);
    if (!viewer_flush(v))
        return;
    viewer_watch(v);
    viewer_hurry(v, DISPLAY_BEGIN_MS);
}
