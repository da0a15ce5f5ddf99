/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenconsoled with a guest that does anything to its ring and its keys, on
 * fake_hv and fake_store. Whatever it does, every byte is accounted for,
 * no page stays mapped, nothing of the ring is believed that can't be, and
 * only dom0 chooses outputs.
 */
#include "fuzz.h"

#include "console_fixture.h"

enum { ACT_WRITE, ACT_READ, ACT_COUNTER, ACT_SCRIBBLE, ACT_ZERO, ACT_EVENT,
       ACT_GUEST_KEY, ACT_GUEST_REMOVES, ACT_DOM0_KEY, ACT_CONSOLE,
       ACT_DOMAIN, ACT_REQUEST, ACTS };

/* What it complains about is not what is looked for. */
void __wrap_log_line(enum log_level level, const char *fmt, ...);
void __wrap_log_limited(struct log_site *site, uint32_t domid,
                        enum log_level level, const char *fmt, ...);

void __wrap_log_line(enum log_level level, const char *fmt, ...)
{
    (void)level, (void)fmt;
}

void __wrap_log_limited(struct log_site *site, uint32_t domid,
                        enum log_level level, const char *fmt, ...)
{
    (void)site, (void)domid, (void)level, (void)fmt;
}

/* A turn or two of the loop, not until all is done: the guest goes on. */
static void turn(void)
{
    xs_event(&server, EPOLLIN);
    hv_event(&server, EPOLLIN);
    loop_run_once(&server.backend.loop, 0);
    domains_turn(&server.domains);
    ready_run(&server);
    lanes_run(&server.backend.lanes);
}

static void guest_key(const struct step *step)
{
    static const char *const keys[] = {
        FE "/state", FE "/ring-ref", FE "/port", FE "/type", FE "/output",
        FE "/limit", FE "/policy", FE "/name", FE "/tty", FE,
    };
    char value[256];
    size_t n = step->n > 1 ? step->n - 1 : 0;

    if (!step->n)
        return;
    memcpy(value, step->bytes + 1, n);
    value[n] = '\0';
    fake_store_set(keys[(unsigned char)step->bytes[0] %
                        (sizeof(keys) / sizeof(keys[0]))], value, 5);
}

static void dom0_key(const struct step *step)
{
    static const char *const outputs[] = {
        "null", "file:%s", "pipe:%s", "file:relative", "unix:%s", "", "x",
    };
    static const char *const policies[] = {
        "", "save", "log", "request", "now", "nonsense",
    };
    unsigned int which = step->n ? (unsigned char)step->bytes[0] : 0;
    char output[128];

    /* No terminals: they are slow to make. */
    snprintf(output, sizeof(output), outputs[which % 5], save);
    fake_store_set(BE "/policy", policies[which / 8 % 6], 0);
    fake_store_set(BE "/output", output, 0);
}

static void request(const struct step *step)
{
    struct console beside = console_beside(4);
    struct qmp_buf reply;
    char text[257] = "";
    uint64_t peer;

    memcpy(text, step->bytes, step->n);
    peer = 1 + (text[1] & 3U);
    qmp_buf_init(&reply, 1 << 20);
    if (step->n && step->bytes[0] == 'b')
        requests_console(&beside, peer, "save-begin", false, &reply);
    else if (step->n && step->bytes[0] == 's')
        requests_console(&beside, peer, "sync", false, &reply);
    else if (step->n && step->bytes[0] == 'g')
        beside_gone(peer);
    else if (requests_host(&server.domains, 1, text, false, &reply) ==
             CONTROL_TAKE)
        requests_take(&server.domains, text, dup(0));
    qmp_buf_dispose(&reply);
}

static void act(const struct step *step)
{
    uint32_t *counters[] = { &page.in_cons, &page.in_prod, &page.out_cons,
                             &page.out_prod };
    size_t at, n;

    switch (step->act % ACTS) {
    case ACT_WRITE:
        /* Up to twice what the ring holds. */
        for (size_t i = 0; i < 16 * step->n; i++)
            page.out[MASK_XENCONS_IDX(page.out_prod + i, page.out)] =
                step->bytes[i / 16];
        page.out_prod += (uint32_t)(16 * step->n);
        break;
    case ACT_READ:
        page.in_cons += (uint32_t)step->n;
        break;
    case ACT_COUNTER:
        if (step->n >= 5)
            memcpy(counters[step->bytes[4] & 3], step->bytes, 4);
        break;
    case ACT_SCRIBBLE:
        at = step->n ? 16U * (unsigned char)step->bytes[0] : 0;
        n = step->n;
        memcpy(ring_pages[1].bytes + at, step->bytes,
               at + n > 4096 ? 4096 - at : n);
        break;
    case ACT_ZERO:
        memset(&ring_pages[1], 0, sizeof(ring_pages[1]));
        break;
    case ACT_EVENT:
        fake_hv_kick(5, 4);
        break;
    case ACT_GUEST_KEY:
        guest_key(step);
        break;
    case ACT_GUEST_REMOVES:
        fake_store_remove(step->n & 1 ? FE : FE "/state");
        break;
    case ACT_DOM0_KEY:
        dom0_key(step);
        break;
    case ACT_CONSOLE:
        if (fake_store_get(BE)) {
            fake_store_remove(BE);
            break;
        }
        secondary_made("xenconsoled");
        fake_store_set(BE "/type", "xenconsoled", 0);
        fake_store_set(BE "/output", "null", 0);
        ring_published("8", "4");
        break;
    case ACT_DOMAIN:
        fake_hv.alive[5] = !fake_hv.alive[5];
        fake_store_set("@releaseDomain", "", 0);
        break;
    case ACT_REQUEST:
        request(step);
        break;
    }
}

static void check_console_of(struct console *c, void *data)
{
    unsigned int *serving = data;
    const struct counters *n = &c->counters;

    require(n->received == n->delivered + n->dropped +
                           (c->output ? output_buffered(c->output) : 0));
    require(flow_pending(c) <= RING_OUT_SIZE);
    *serving += c->state == CONSOLE_SERVING;
    /* What the guest has written into its own keys chose nothing. */
    if (c->output && *c->settings.path)
        require(!strcmp(c->settings.path, save));
    require(c->settings.limit <= SETTINGS_LIMIT_MAX);
}

static void check_all(void)
{
    unsigned int serving = 0;

    domains_each(&server.domains, check_console_of, &serving);
    require(fake_hv.mapped == serving);
}

static void dir_remove(void)
{
    unlink(save);
    rmdir(records);
    rmdir(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = { data, size };
    struct step step = { .act = ACT_CONSOLE, .bytes = NULL };
    static bool started;

    if (!started) {
        require(mkdtemp(dir));
        atexit(dir_remove);
    }
    started = true;
    memset(ring_pages, 0, sizeof(ring_pages));
    server = (struct server){ .hv_port = -1 };
    server_start();
    unlink(save);
    act(&step);
    turn();
    while (script_next(&script, &step)) {
        act(&step);
        check_all();
        turn();
        check_all();
        free(step.bytes);
    }
    domains_dispose(&server.domains);
    lanes_finish(&server.backend.lanes);
    require(!fake_hv.mapped);
    loop_dispose(&server.backend.loop);
    fake_store_forget();
    return 0;
}
