/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hvc.h"

#include "../xensim/guest.h"
#include "qmp_buf.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    uint64_t taken, put;        /* bytes from the terminal, to the ring */
    uint64_t after[HVC_N];      /* what others put before to_ring */
} hvcs[HVC_N];

static struct loop *loop;
static uint32_t domid;

static void *must(void *memory)
{
    if (!memory)
        errx(1, "out of memory");
    return memory;
}

/* One read from the terminal; false: it has nothing. */
static bool hvc_take(struct hvc *hvc)
{
    ssize_t n = read(hvc->tty, must(qmp_buf_reserve(&hvc->to_ring, HVC_MAX)),
                     HVC_MAX);

    if (n <= 0) {
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            err(1, "terminal");
        return false;
    }
    qmp_buf_commit(&hvc->to_ring, (size_t)n);
    hvc->taken += (uint64_t)n;
    return true;
}

/* What a terminal has goes behind what those before it have had until now;
 * the writer is this same thread, so there's an end to that. */
static void hvcs_take(void)
{
    for (size_t i = HVC_N; i--; ) {
        struct hvc *hvc = &hvcs[i];

        if (!hvc->console.ring || hvc->to_ring.len || !hvc_take(hvc))
            continue;
        for (size_t j = 0; j < i; j++) {
            while (hvcs[j].console.ring && hvc_take(&hvcs[j]))
                continue;
            hvc->after[j] = hvcs[j].taken;
        }
    }
}

static void hvc_put(struct hvc *hvc)
{
    size_t n;

    for (size_t j = 0; j < HVC_N; j++)
        if (hvcs[j].put < hvc->after[j])
            return;
    n = guest_console_put(&hvc->console, hvc->to_ring.data,
                          hvc->to_ring.len);
    hvc->put += n;
    qmp_buf_consume(&hvc->to_ring, n);
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
    hvcs_take();
    for (size_t i = 0; i < HVC_N; i++) {
        struct hvc *hvc = &hvcs[i];

        if (!hvc->console.ring)
            continue;
        hvc_put(hvc);
        hvc_fill(hvc);
        loop_mod(loop, hvc->tty_id, (hvc->to_ring.len ? 0 : EPOLLIN) |
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

int hvc_add(unsigned int devid, const char *output, const char *policy)
{
    struct hvc *hvc = &hvcs[devid];
    struct termios raw;
    int tty;

    snprintf(hvc->output, sizeof(hvc->output), "%s", output);
    snprintf(hvc->policy, sizeof(hvc->policy), "%s", policy ? policy : "");
    qmp_buf_init(&hvc->to_ring, HVC_BUFFER);
    qmp_buf_init(&hvc->to_tty, HVC_BUFFER);
    hvc->tty = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (hvc->tty < 0 || grantpt(hvc->tty) || unlockpt(hvc->tty))
        err(1, "terminal");
    tty = open(must(ptsname(hvc->tty)),
               O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (tty < 0 || tcgetattr(tty, &raw))
        err(1, "terminal");
    cfmakeraw(&raw);
    if (tcsetattr(tty, TCSANOW, &raw) ||
        loop_add(loop, hvc->tty, EPOLLIN, tty_ready, NULL, &hvc->tty_id))
        err(1, "terminal");
    hvc_recreate(devid);
    return tty;
}
