/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hvc.h"

#include "tests/xensim/guest.h"
#include "libxl/qmp/buf.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* What is taken from one side at a time. */
#define HVC_MAX    8192
/* More than a terminal holds. */
#define HVC_BUFFER (1u << 20)

static struct hvc {
    struct guest_console console;
    char output[192], policy[16];
    int tty;                    /* the kernel's end */
    loop_id tty_id;
    struct qmp_buf to_ring, to_tty;
    enum { HVC_GOES_ON, HVC_HELD_NEXT, HVC_HELD } hold;
} hvcs[HVC_N];

static struct loop *loop;
static uint32_t domid;

static void *must(void *memory)
{
    if (!memory)
        errx(1, "out of memory");
    return memory;
}

/* No more than the ring takes: what is here is nobody's to see. */
static size_t hvc_room(const struct hvc *hvc)
{
    const struct xencons_interface *ring = hvc->console.ring;
    size_t room = sizeof(ring->out) - (ring->out_prod -
                  __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE));

    return hvc->to_ring.len || hvc->hold == HVC_HELD ? 0 : room;
}

/* What the terminal has goes into the ring. */
static void hvc_drain(struct hvc *hvc)
{
    size_t room;

    while ((room = hvc_room(hvc))) {
        ssize_t n = read(hvc->tty, must(qmp_buf_reserve(&hvc->to_ring,
                                                        room)), room);

        if (n < 0 && errno != EAGAIN && errno != EINTR)
            err(1, "terminal");
        if (n <= 0)
            return;
        qmp_buf_commit(&hvc->to_ring, (size_t)n);
        qmp_buf_consume(&hvc->to_ring,
                        guest_console_put(&hvc->console, hvc->to_ring.data,
                                          hvc->to_ring.len));
        if (hvc->hold == HVC_HELD_NEXT)
            hvc->hold = HVC_HELD;
    }
}

/* From the ring into the terminal, until one has no more. */
static void hvc_fill(struct hvc *hvc)
{
    ssize_t n;

    do {
        char *room = must(qmp_buf_reserve(&hvc->to_tty, HVC_MAX));

        if (!hvc->to_tty.len)
            qmp_buf_commit(&hvc->to_tty,
                           guest_console_get(&hvc->console, room, HVC_MAX));
        n = hvc->to_tty.len ? write(hvc->tty, hvc->to_tty.data,
                                    hvc->to_tty.len) : 0;
        if (n > 0)
            qmp_buf_consume(&hvc->to_tty, (size_t)n);
    } while (n > 0);
}

static void hvcs_update(void)
{
    for (size_t i = 0; i < HVC_N; i++) {
        struct hvc *hvc = &hvcs[i];

        if (!hvc->console.ring)
            continue;
        hvc_drain(hvc);
        hvc_fill(hvc);
        loop_mod(loop, hvc->tty_id, (hvc_room(hvc) ? EPOLLIN : 0) |
                 (hvc->to_tty.len ? EPOLLOUT : 0));
    }
}

static void tty_ready(void *data, uint32_t events)
{
    (void)data;
    (void)events;
    hvcs_update();
}

static void ring_ready(void *data, uint32_t events)
{
    (void)data;
    (void)events;
    guest_wait(0);
    hvcs_update();
}

void hvc_init(struct loop *the_loop, uint32_t the_domid)
{
    loop_id id;

    loop = the_loop;
    domid = the_domid;
    guest_create(domid);
    if (loop_add(loop, guest_fd(), EPOLLIN, ring_ready, NULL, &id))
        err(1, "loop");
}

void hvc_hold(unsigned int devid)
{
    hvcs[devid].hold = HVC_HELD_NEXT;
}

bool hvc_is_held(unsigned int devid)
{
    return hvcs[devid].hold == HVC_HELD;
}

void hvc_go_on(unsigned int devid)
{
    hvcs[devid].hold = HVC_GOES_ON;
    hvcs_update();
}

void hvc_renew(unsigned int devid)
{
    guest_console_publish(&hvcs[devid].console);
}

void hvc_recreate(unsigned int devid)
{
    struct hvc *hvc = &hvcs[devid];

    if (hvc->console.ring)
        guest_console_remove(&hvc->console);
    hvc->console = guest_console_add(domid, devid, hvc->output);
    if (*hvc->policy)
        guest_write(0, hvc->policy, "%s/policy", hvc->console.backend);
    hvc_renew(devid);
}

static int terminal_make(struct hvc *hvc)
{
    struct termios raw;
    int tty;

    hvc->tty = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (hvc->tty < 0 || grantpt(hvc->tty) || unlockpt(hvc->tty))
        err(1, "terminal");
    tty = open(must(ptsname(hvc->tty)),
               O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (tty < 0 || tcgetattr(tty, &raw))
        err(1, "terminal");
    cfmakeraw(&raw);
    if (tcsetattr(tty, TCSANOW, &raw))
        err(1, "terminal");
    return tty;
}

static int socket_make(struct hvc *hvc)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                   ends))
        err(1, "terminal");
    hvc->tty = ends[0];
    return ends[1];
}

int hvc_add(unsigned int devid, const char *output, const char *policy)
{
    struct hvc *hvc = &hvcs[devid];
    int tty;

    snprintf(hvc->output, sizeof(hvc->output), "%s", output);
    snprintf(hvc->policy, sizeof(hvc->policy), "%s", policy ? policy : "");
    qmp_buf_init(&hvc->to_ring, HVC_BUFFER);
    qmp_buf_init(&hvc->to_tty, HVC_BUFFER);
    tty = policy ? socket_make(hvc) : terminal_make(hvc);
    if (loop_add(loop, hvc->tty, EPOLLIN, tty_ready, NULL, &hvc->tty_id))
        err(1, "terminal");
    hvc_recreate(devid);
    return tty;
}
