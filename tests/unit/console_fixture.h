/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon but for Xen and xenstore: consoles, domains, flow, requests,
 * on fake_hv and fake_store. The guest is the test.
 */
#ifndef XENQMP_TESTS_UNIT_CONSOLE_FIXTURE_H
#define XENQMP_TESTS_UNIT_CONSOLE_FIXTURE_H

/* Set by tests that are about it. */
static int refresh_gap_ms;
#define REFRESH_GAP_MS refresh_gap_ms
#define CENSUS_GAP_MS refresh_gap_ms

#include "fake_store.h"
#include "tools/common/loop.h"

/* What each request to xenstored takes: the clock of those who budget. */
static int64_t request_us;
#define loop_now_us fixture_now_us

static inline int64_t fixture_now_us(void)
{
    return fake_store_requests() * request_us;
}

#include "console/daemon/domains.c"
#include "console/guest/refresh.c"
#include "console/daemon/server.c"

#include "fake_hv.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BE "/local/domain/0/backend/console/5/3"
#define FE "/local/domain/5/device/console/3"
#define PRIMARY "/local/domain/5/console"

#ifndef FIXTURE_HAS_PRIVILEGES
int privileges_drop_capabilities(void)
{
    return 0;
}

int privileges_filter(bool strict)
{
    (void)strict;
    return 0;
}
#endif

static struct server server;
static const struct backend_control control = {
    .ops = { .answer = requests_console, .gone = requests_gone },
    .ask_again = requests_ask_again,
};
static struct options options = { .log_dir = "/nonexistent" };
/* Rings are in pages, of which later versions of Xen use more. */
static union ring_page {
    struct xencons_interface ring;
    char bytes[4096];
} ring_pages[3];
#define primary    (ring_pages[0].ring)
#define page       (ring_pages[1].ring)
#define other_page (ring_pages[2].ring)
static char dir[] = "/tmp/test_console.XXXXXX";
static char path[64], save[64], records[64];

/* Handles all that waits now. */
static inline void settle(void)
{
    do {
        /* The loop has no descriptors of Xen's here. */
        xs_event(&server, EPOLLIN);
        hv_event(&server, EPOLLIN);
        loop_run_once(&server.backend.loop, 0);
        domains_turn(&server.domains);
        ready_run(&server);
        lanes_run(&server.backend.lanes);
    } while (!TAILQ_EMPTY(&server.backend.ready) ||
             domains_is_pending(&server.domains) ||
             lanes_is_pending(&server.backend.lanes));
}

/* The daemon, on what is in dir. */
static inline void server_start(void)
{
    snprintf(path, sizeof(path), "%s/console", dir);
    snprintf(save, sizeof(save), "%s/save", dir);
    server.backend.options = &options;
    server.backend.control = &control;
    server.backend.hv = hv_open(&server.other_xen);
    server.backend.xs = fake_store;
    TAILQ_INIT(&server.backend.ready);
    check(!loop_init(&server.backend.loop));
    lanes_init(&server.backend.lanes, NULL);
    snprintf(records, sizeof(records), "%s/records", dir);
    check(!record_init(records));
    signal(SIGPIPE, SIG_IGN);
    fake_hv.alive[5] = true;
    fake_hv.rings[5][0] = &primary;
    fake_hv.rings[5][8] = &page;
    fake_hv.rings[5][9] = &other_page;
    check(!domains_init(&server.domains, &server.backend));
}

/* A daemon ends, and another starts: meanwhile() is what happens in between,
 * NULL: nothing. Its records are out of reach of what the first one tidies
 * up, as if it had been killed. */
static inline void server_restart(void (*meanwhile)(void))
{
    char aside[80];

    snprintf(aside, sizeof(aside), "%s.aside", records);
    check(!rename(records, aside));
    server.backend.stop = true;
    domains_dispose(&server.domains);
    lanes_finish(&server.backend.lanes);
    loop_dispose(&server.backend.loop);
    check(!rename(aside, records));
    check_int(fake_hv.mapped, 0);
    fake_store_disconnect();
    memset(&server, 0, sizeof(server));
    if (meanwhile)
        meanwhile();
    server_start();
}

static inline void start(void)
{
    check(mkdtemp(dir));
    server_start();
}

static inline void finish(void)
{
    domains_dispose(&server.domains);
    lanes_finish(&server.backend.lanes);
    check_int(fake_hv.mapped, 0);
    for (int i = 0; i < FAKE_PORTS; i++)
        check(!fake_hv.ports[i].data);
    check_int(fake_store_watches(), 3);
    check(TAILQ_EMPTY(&server.backend.ready));
    unlink(save);
    check(!rmdir(records));
    check(!rmdir(dir));
}

/* As libxl makes it. */
static inline void secondary_made(const char *type)
{
    fake_store_set(FE, "", 5);
    fake_store_set(FE "/state", "1", 5);
    fake_store_set(FE "/type", type, 0);
    fake_store_set(FE "/tty", "", 0);
    fake_store_set(BE, "", 0);
    fake_store_set(BE "/frontend", FE, 0);
    fake_store_set(BE "/state", "1", 0);
}

static inline void ring_published(const char *ref, const char *port)
{
    fake_store_set(FE "/ring-ref", ref, 5);
    fake_store_set(FE "/port", port, 5);
    fake_store_set(FE "/state", "3", 5);
}

static inline void unix_output(void)
{
    char output[128];

    snprintf(output, sizeof(output), "unix:%s", path);
    fake_store_set(BE "/output", output, 0);
}

static inline struct console *console(unsigned int n)
{
    struct domain *d = domains_find(&server.domains, 5);

    check(d && d->guest.consoles[n]);
    return d->guest.consoles[n];
}

static inline void guest_write(struct xencons_interface *ring,
                               const char *bytes)
{
    for (; *bytes; bytes++) {
        check(ring->out_prod - ring->out_cons < sizeof(ring->out));
        ring->out[MASK_XENCONS_IDX(ring->out_prod++, ring->out)] = *bytes;
    }
}

static inline int attach(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    strcpy(address.sun_path, path);
    check(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
    settle();
    return fd;
}

static inline void expect(int fd, const char *text)
{
    char bytes[256];
    ssize_t n = read(fd, bytes, sizeof(bytes));

    check_mem(bytes, n < 0 ? 0 : (size_t)n, text, strlen(text));
}

static inline const char *host_request(const char *request)
{
    static struct qmp_buf reply;
    static char text[4096];

    qmp_buf_init(&reply, 1 << 20);
    check_int(requests_host(&server.domains, 1, request, false, &reply),
              CONTROL_ANSWERED);
    snprintf(text, sizeof(text), "%.*s", (int)reply.len, reply.data);
    qmp_buf_dispose(&reply);
    return text;
}

/* As much of the domain's console n as requests look at. */
static inline struct console console_beside(unsigned int n)
{
    static struct guest gone;
    struct domain *d = domains_find(&server.domains, 5);

    return (struct console){ .domid = 5, .n = n,
                             .guest = d ? &d->guest : &gone };
}

/* Asked beside the domain's console n, by that connection. */
static inline const char *request_beside(unsigned int n, uint64_t peer,
                                         const char *request)
{
    static char text[4096];
    struct console beside = console_beside(n);
    struct qmp_buf reply;

    qmp_buf_init(&reply, 1 << 20);
    for (bool again = false; requests_console(&beside, peer, request, again,
                                              &reply) == CONTROL_LATER;
         again = true)
        settle();
    snprintf(text, sizeof(text), "%.*s", (int)reply.len, reply.data);
    qmp_buf_dispose(&reply);
    return text;
}

static inline const char *console_request(const char *request)
{
    return request_beside(4, 1, request);
}

static inline void beside_gone(uint64_t peer)
{
    struct console beside = console_beside(4);

    requests_gone(&beside, peer);
}

static inline void serve_unix(void)
{
    secondary_made("xenconsoled");
    unix_output();
    settle();
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
}

#endif
