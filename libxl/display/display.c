/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The display worker: the console, the link over it, and its viewers. One
 * thread, one loop.
 */
#include "display.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "libxl/child/console.h"
#include "libxl/child/process.h"
#include "libxl/child/sandbox.h"
#include "tools/common/log.h"
#include "tools/common/stubdom_state.h"
#include "viewers.h"

/* Without descriptors or memory nobody is accepted for so long. */
#define ACCEPT_RETRY_MS 1000
#define PATH_BYTES      256

struct listener {
    struct display *display;
    int fd;
    bool tls;
    loop_id id;
    struct loop_timer retry;
};

struct display {
    const struct display_config *config;
    struct loop loop;
    struct console console;
    struct link link;
    struct viewers viewers;
    struct listener listeners[DISPLAY_LISTENERS_MAX];
    loop_id parent_id, news_id;
    struct loop_timer reset, alone;
    bool is_lost;               /* the console, when last looked at */
    char path[PATH_BYTES];
};

/* --- The link --------------------------------------------------------- */

/* As much as xenconsoled is to have. */
static void display_flush(struct display *d)
{
    struct qmp_buf *out = &d->link.out;

    while (out->len && d->console.out.len < DISPLAY_CONSOLE_PAUSE) {
        size_t n = out->len < DISPLAY_CONSOLE_PAUSE ? out->len :
                   DISPLAY_CONSOLE_PAUSE;

        if (console_put(&d->console, out->data, n, NULL))
            return;
        link_sent(&d->link, n);
    }
}

static void display_spoke(void *data)
{
    display_flush(data);
}

/* Until the other end answers. */
static void display_reset(void *data)
{
    struct display *d = data;
    uint8_t nonce[LINK_NONCE];

    if (loop_timer_set(&d->loop, &d->reset, DISPLAY_RESET_MS, display_reset,
                       d) ||
        getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce)) {
        log_error("domain %u: display: out of memory",
                  d->config->child.guest_domid);
        return;
    }
    link_reset(&d->link, nonce);
    display_flush(d);
}

static void link_is_ready(void *data)
{
    struct display *d = data;

    loop_timer_clear(&d->loop, &d->reset);
    console_set_healthy(&d->console);
    viewers_ready(&d->viewers);
}

static void link_has_bytes(void *data, unsigned int channel,
                           const void *bytes, size_t n)
{
    viewers_bytes(&((struct display *)data)->viewers, channel, bytes, n);
}

static void link_has_closed(void *data, unsigned int channel)
{
    viewers_closed(&((struct display *)data)->viewers, channel);
}

static void link_is_lost(void *data, const char *why)
{
    struct display *d = data;

    log_guest(d->config->child.guest_domid, LOG_LEVEL_WARN,
              "domain %u: display: %s; its viewers have to connect again",
              d->config->child.guest_domid, why);
    loop_timer_set(&d->loop, &d->reset, DISPLAY_RENEW_MS, display_reset, d);
}

static const struct link_hooks link_hooks = {
    .ready = link_is_ready, .bytes = link_has_bytes,
    .closed = link_has_closed, .lost = link_is_lost,
};

/* --- The console ------------------------------------------------------ */

static void console_is_there(void *data)
{
    display_reset(data);
}

/* What xenconsoled had not passed on is lost, so viewers go. */
static void console_is_gone(void *data, const char *why)
{
    struct display *d = data;
    uint8_t none[LINK_NONCE] = { 0 };

    (void)why;
    loop_timer_clear(&d->loop, &d->reset);
    link_reset(&d->link, none);
}

static void console_has_bytes(void *data, const char *bytes, size_t n)
{
    struct display *d = data;

    link_input(&d->link, bytes, n);
    display_flush(d);
    /* Maybe there was credit among them. */
    viewers_resume(&d->viewers);
}

static void console_has_room(void *data)
{
    struct display *d = data;

    display_flush(d);
    viewers_resume(&d->viewers);
}

static const struct console_hooks console_hooks = {
    .connected = console_is_there, .lost = console_is_gone,
    .bytes = console_has_bytes, .drained = console_has_room,
};

/* --- Who connects ----------------------------------------------------- */

static void listener_again(void *data)
{
    struct listener *l = data;

    loop_mod(&l->display->loop, l->id, EPOLLIN);
}

/* An IPv4 address, also as IPv6 has it; of IPv6 what one host may have all
 * of, a /64; a user. Their numbers don't meet: the Internet has no ::/16. */
#define PEER_IPV4 (1ull << 32)
#define PEER_USER (2ull << 32)

/* text gets its address. */
static uint64_t peer_of(int fd, const struct sockaddr_storage *address,
                        char *text, size_t size)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    char host[INET6_ADDRSTRLEN];
    struct ucred user = { .uid = (uid_t)-1 };
    socklen_t n = sizeof(user);
    uint32_t ipv4;
    uint64_t ipv6;

    if (address->ss_family == AF_INET) {
        snprintf(text, size, "%s:%u",
                 inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host)),
                 ntohs(in->sin_port));
        return PEER_IPV4 | in->sin_addr.s_addr;
    }
    if (address->ss_family == AF_INET6) {
        snprintf(text, size, "[%s]:%u",
                 inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host)),
                 ntohs(in6->sin6_port));
        memcpy(&ipv4, &in6->sin6_addr.s6_addr[12], sizeof(ipv4));
        memcpy(&ipv6, &in6->sin6_addr, sizeof(ipv6));
        return IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) ? PEER_IPV4 | ipv4 :
               be64toh(ipv6);
    }
    if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &n))
        snprintf(text, size, "the socket (user %u, process %d)", user.uid,
                 (int)user.pid);
    else
        snprintf(text, size, "the socket");
    return PEER_USER | user.uid;
}

static void listener_ready(void *data, uint32_t events)
{
    struct listener *l = data;
    struct display *d = l->display;
    struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
    socklen_t n = sizeof(address);
    int fd = accept4(l->fd, (struct sockaddr *)&address, &n,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    uint64_t peer;
    char from[64];

    (void)events;
    if (fd >= 0) {
        peer = peer_of(fd, &address, from, sizeof(from));
        viewers_add(&d->viewers, fd, peer, from, l->tls);
        return;
    }
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return;
    log_guest(d->config->child.guest_domid, LOG_LEVEL_ERROR,
              "domain %u: display: can't accept a viewer: %s",
              d->config->child.guest_domid, strerror(errno));
    loop_mod(&d->loop, l->id, 0);
    if (loop_timer_set(&d->loop, &l->retry, ACCEPT_RETRY_MS, listener_again,
                       l))
        listener_again(l);
}

static int display_listen(struct display *d)
{
    int r = 0;

    for (size_t i = 0; !r && i < d->config->listen_n; i++) {
        d->listeners[i] = (struct listener){
            .display = d, .fd = d->config->listen_fds[i],
            .tls = d->config->listen_tls[i],
        };
        r = loop_add(&d->loop, d->listeners[i].fd, EPOLLIN, listener_ready,
                     &d->listeners[i], &d->listeners[i].id);
    }
    return r;
}

/* --- The parent ------------------------------------------------------- */

/* Ends with its console, that is, with its domain; not while xenconsoled is
 * restarted. */
static void display_look(void *data)
{
    struct display *d = data;
    bool was_lost = d->is_lost;

    d->is_lost = !console_is_connected(&d->console);
    if ((was_lost && d->is_lost) ||
        loop_timer_set(&d->loop, &d->alone, DISPLAY_LOOK_MS, display_look, d))
        loop_stop(&d->loop);
}

/* Xenstore leads viewers to its port, which nobody else is to have, as long
 * as the guest is there. */
static void parent_died(void *data, uint32_t events)
{
    struct display *d = data;
    uint32_t guest = d->config->child.guest_domid;

    (void)events;
    loop_del(&d->loop, &d->parent_id);
    log_error("domain %u: qmp-helper was killed; its display worker goes on, "
              "and nothing starts it again if it ends", guest);
    display_look(d);
}

static void parent_speaks(void *data, uint32_t events)
{
    struct display *d = data;
    unsigned char state;

    (void)events;
    if (recv(d->config->child.parent_fd, &state, 1, MSG_DONTWAIT) != 1)
        loop_del(&d->loop, &d->news_id);
    else if (state == STUBDOM_DESTROYED)
        loop_stop(&d->loop);
}

static int parent_watch(struct display *d)
{
    const struct child_config *child = &d->config->child;
    int parent = process_open_parent(child);

    return parent < 0 ||
           loop_add(&d->loop, parent, EPOLLIN, parent_died, d,
                    &d->parent_id) ||
           (child->parent_fd &&
            loop_add(&d->loop, child->parent_fd, EPOLLIN, parent_speaks, d,
                     &d->news_id)) ? -1 : 0;
}

/* As root, who alone can read the key. */
static int display_load_tls(struct display *d)
{
    uint32_t guest = d->config->child.guest_domid;
    const struct display_tls *tls;
    char why[TLS_WHY_MAX];

    if (!*d->config->tls_dir)
        return 0;
    tls = tls_library(why);
    d->viewers.tls = tls;
    if (tls)
        d->viewers.credentials = tls->load(d->config->tls_dir,
                                           d->config->tls_verify, why);
    if (!d->viewers.credentials)
        log_error("domain %u: display: %s", guest, why);
    return d->viewers.credentials ? 0 : -1;
}

static int display_start(struct display *d)
{
    const struct child_config *child = &d->config->child;
    int n = snprintf(d->path, sizeof(d->path), "%s%s",
                     child->sandbox ? "" : child->root, d->config->console);

    if (n >= (int)sizeof(d->path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (process_become_own(child, d->config->listen_fds,
                           d->config->listen_n) ||
        loop_init(&d->loop))
        return -1;
    d->link = (struct link){
        .master = true, .hooks = &link_hooks, .data = d,
    };
    link_init(&d->link);
    d->viewers.loop = &d->loop;
    d->viewers.link = &d->link;
    d->viewers.guest_domid = child->guest_domid;
    d->viewers.password = *d->config->password ? d->config->password : NULL;
    d->viewers.counts = d->config->counts;
    d->viewers.spoke = display_spoke;
    d->viewers.data = d;
    viewers_init(&d->viewers);
    d->console = (struct console){
        .loop = &d->loop, .path = d->path, .dm_domid = child->dm_domid,
        .name = "console 8 (display)", .max = DISPLAY_CONSOLE_MAX,
        .hooks = &console_hooks, .data = d,
    };
    return parent_watch(d) || console_init(&d->console) ||
           display_listen(d) ? -1 : 0;
}

int display_run(const struct display_config *config)
{
    static const struct sandbox_limits limits = {
        .descriptors = DISPLAY_DESCRIPTORS_MAX, .memory = DISPLAY_MEMORY_MAX,
    };
    static struct display display;

    display.config = config;
    if (display_start(&display)) {
        log_error("domain %u: qmp-helper's display worker can't start: %s",
                  config->child.guest_domid, strerror(errno));
        return 1;
    }
    if (display_load_tls(&display) ||
        (config->child.sandbox && sandbox_enter(&config->child, &limits)))
        return 1;
    loop_run(&display.loop);
    return 1;
}
