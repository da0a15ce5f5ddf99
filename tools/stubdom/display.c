/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "display.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/common/log.h"

/* hvc's driver waits in the kernel until the ring has all of a write, and
 * nothing else of the stubdomain's one processor goes on: half a ring a turn
 * of the loop, for all viewers, so that QMP has turns, too. */
#define WRITE_MAX 1024
/* How long QEMU may take for a command before the display goes on. */
#ifndef YIELD_MS
#define YIELD_MS 10
#endif
/* And its client for the next one: commands come in rows. */
#ifndef LINGER_MS
#define LINGER_MS 1
#endif
/* After a hang-up: a resume brings the console back, a removal doesn't. */
#define REOPEN_MS 500

int display_set_arguments(struct arguments *arguments)
{
    for (size_t i = 0; i + 1 < arguments->n; i++) {
        char *value;

        if (strcmp(arguments->argv[i], "-vnc"))
            continue;
        value = strdup(DISPLAY_VNC);
        if (!value)
            return -1;
        free(arguments->argv[i + 1]);
        arguments->argv[i + 1] = value;
        return 0;
    }
    return arguments_add(arguments, "-vnc") ||
           arguments_add(arguments, DISPLAY_VNC) ? -1 : 0;
}

/* --- QEMU's side ------------------------------------------------------ */

static void viewer_event(void *data, uint32_t events);
static void display_watch(struct display *d);

/* Without anything to wait for it is not watched: who hangs up would be told
 * of without end. */
static void viewer_watch(struct display_viewer *v)
{
    struct display *d = v->display;
    uint32_t events = (link_room(&d->link, v->channel) ? EPOLLIN : 0) |
                      (v->out.len ? EPOLLOUT : 0);

    if (!events)
        loop_del(d->loop, &v->id);
    else if (v->id != LOOP_NONE)
        loop_mod(d->loop, v->id, events);
    else if (loop_add(d->loop, v->fd, events, viewer_event, v, &v->id))
        log_guest(0, LOG_LEVEL_ERROR, "display: out of memory; a viewer "
                  "stands still");
}

static void viewer_close(struct display_viewer *v)
{
    if (v->fd < 0)
        return;
    loop_del(v->display->loop, &v->id);
    close(v->fd);
    v->fd = -1;
    qmp_buf_dispose(&v->out);
}

static void viewer_has_left(struct display_viewer *v)
{
    if (v->left_fd < 0)
        return;
    loop_del(v->display->loop, &v->left_id);
    close(v->left_fd);
    v->left_fd = -1;
}

static void left_event(void *data, uint32_t events)
{
    if (events & (EPOLLHUP | EPOLLERR))
        viewer_has_left(data);
}

/* QEMU doesn't read what somebody sent who has hung up a UNIX socket, the
 * last keys: it is told that no more comes, and closes it. Who left a channel
 * earlier has had its time. */
static void viewer_leave(struct display_viewer *v)
{
    viewer_has_left(v);
    loop_del(v->display->loop, &v->id);
    if (!shutdown(v->fd, SHUT_WR) &&
        !loop_add(v->display->loop, v->fd, 0, left_event, v, &v->left_id)) {
        v->left_fd = v->fd;
        v->fd = -1;
        qmp_buf_dispose(&v->out);
    } else {
        viewer_close(v);
    }
}

/* QEMU has closed it. */
static void viewer_end(struct display_viewer *v)
{
    viewer_close(v);
    link_close(&v->display->link, v->channel);
    display_watch(v->display);
}

/* False: it has ended. */
static bool viewer_write(struct display_viewer *v)
{
    while (v->out.len) {
        ssize_t n = send(v->fd, v->out.data, v->out.len,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            viewer_end(v);
            return false;
        }
        if (n < 0)
            break;
        qmp_buf_consume(&v->out, (size_t)n);
        link_taken(&v->display->link, v->channel, (size_t)n);
    }
    return true;
}

static void viewer_event(void *data, uint32_t events)
{
    struct display_viewer *v = data;
    struct display *d = v->display;
    size_t room = link_room(&d->link, v->channel);
    char bytes[FRAME_PAYLOAD_MAX];
    ssize_t n;

    if (!viewer_write(v))
        return;
    if (room && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        n = recv(v->fd, bytes, room, MSG_DONTWAIT);
        if (n > 0) {
            link_send(&d->link, v->channel, bytes, (size_t)n);
        } else if (!n || (errno != EAGAIN && errno != EINTR)) {
            viewer_end(v);
            return;
        }
    }
    display_watch(d);
    viewer_watch(v);
}

static int socket_connect(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address,
                           sizeof(address))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* --- The link's hooks ------------------------------------------------- */

static void link_has_opened(void *data, unsigned int channel)
{
    struct display *d = data;
    struct display_viewer *v = &d->viewers[channel];

    v->fd = socket_connect(d->socket);
    if (v->fd < 0) {
        log_guest(0, LOG_LEVEL_ERROR, "display: cannot reach QEMU at %s: %s",
                  d->socket, strerror(errno));
        link_close(&d->link, channel);
        return;
    }
    v->id = LOOP_NONE;
    qmp_buf_init(&v->out, LINK_WINDOW_OTHER);
    viewer_watch(v);
}

static void link_has_bytes(void *data, unsigned int channel,
                           const void *bytes, size_t n)
{
    struct display *d = data;
    struct display_viewer *v = &d->viewers[channel];

    if (v->fd < 0)
        return;
    if (qmp_buf_append(&v->out, bytes, n)) {
        viewer_close(v);
        link_close(&d->link, channel);
    } else if (viewer_write(v)) {
        viewer_watch(v);
    }
}

static void link_has_closed(void *data, unsigned int channel)
{
    struct display_viewer *v = &((struct display *)data)->viewers[channel];

    if (v->fd >= 0)
        viewer_leave(v);
}

static void link_is_lost(void *data, const char *why)
{
    (void)data;
    log_guest(0, LOG_LEVEL_WARN, "display: %s; viewers have to connect again",
              why);
}

static const struct link_hooks hooks = {
    .opened = link_has_opened, .bytes = link_has_bytes,
    .closed = link_has_closed, .lost = link_is_lost,
};

/* --- The console ------------------------------------------------------ */

static void display_watch(struct display *d)
{
    bool writes = d->link.out.len && !loop_timer_is_set(&d->yields);

    loop_mod(d->loop, d->id, EPOLLIN | (writes ? EPOLLOUT : 0));
}

static void viewers_resume(struct display *d)
{
    for (size_t i = 0; i < LINK_CHANNELS; i++)
        if (d->viewers[i].fd >= 0)
            viewer_watch(&d->viewers[i]);
}

/* Here alone: at the end of a turn, once; a command that came in that turn is
 * QEMU's before. */
static void display_write(void *data)
{
    struct display *d = data;
    const struct qmp_buf *out = &d->link.out;
    ssize_t n;

    if (d->id == LOOP_NONE || !out->len || loop_timer_is_set(&d->yields))
        return;
    n = write(d->fd, out->data, out->len < WRITE_MAX ? out->len : WRITE_MAX);
    if (n > 0)
        link_sent(&d->link, (size_t)n);
    display_watch(d);
    viewers_resume(d);
}

static void display_open(void *data);

static void display_lost(struct display *d)
{
    loop_del(d->loop, &d->id);
    close(d->fd);
    d->fd = -1;
    link_renewed(&d->link);
    log_guest(0, LOG_LEVEL_WARN, "console 8 was hung up; viewers have to "
              "connect again when it is back");
    loop_timer_set(d->loop, &d->reopen, REOPEN_MS, display_open, d);
}

static void display_event(void *data, uint32_t events)
{
    struct display *d = data;
    char bytes[4096];
    ssize_t n;

    if (events & EPOLLHUP) {
        display_lost(d);
        return;
    }
    if (events & EPOLLIN) {
        n = read(d->fd, bytes, sizeof(bytes));
        if (n > 0) {
            link_input(&d->link, bytes, (size_t)n);
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            display_lost(d);
            return;
        }
    }
    if (events & EPOLLOUT)
        loop_timer_set(d->loop, &d->writes, 0, display_write, d);
    display_watch(d);
    viewers_resume(d);
}

static void display_open(void *data)
{
    struct display *d = data;

    d->fd = d->open(d->data);
    if (d->fd >= 0 &&
        loop_add(d->loop, d->fd, EPOLLIN, display_event, d, &d->id)) {
        close(d->fd);
        d->fd = -1;
    }
    if (d->fd < 0)
        loop_timer_set(d->loop, &d->reopen, REOPEN_MS, display_open, d);
    else
        display_watch(d);
}

static void display_writes(void *data)
{
    display_watch(data);
}

void display_yield(struct display *display)
{
    /* Nothing is written without a console. */
    if (display->id == LOOP_NONE)
        return;
    loop_timer_set(display->loop, &display->yields, YIELD_MS, display_writes,
                   display);
    display_watch(display);
}

void display_go_on(struct display *display)
{
    if (!loop_timer_is_set(&display->yields))
        return;
    loop_timer_clear(display->loop, &display->yields);
    display_write(display);
    loop_timer_set(display->loop, &display->yields, LINGER_MS, display_writes,
                   display);
    display_watch(display);
}

void display_start(struct display *display)
{
    display->fd = -1;
    for (unsigned int i = 0; i < LINK_CHANNELS; i++)
        display->viewers[i] = (struct display_viewer){
            .display = display, .channel = i, .fd = -1, .left_fd = -1,
        };
    display->link = (struct link){ .hooks = &hooks, .data = display };
    link_init(&display->link);
    display_open(display);
}
