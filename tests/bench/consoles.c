/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * consoles: what a console costs, on xensim: xenqmp's xenconsoled, Xen's as
 * Debian has it, and "bare", a process that moves the same ring with the
 * same wake-ups and does nothing else. All in one run, medians of ROUNDS,
 * and the ratios that count; a figure on its own says little of another
 * machine. Every byte that is moved is looked at.
 */
#include "bench.h"
#include "tests/xensim/xensim.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>

#define ROUNDS 5
#define MB     (1u << 20)
/* Stock moves 300 KB/s. */
#define STOCK_SIZE  (MB / 2)
#define SIZE        (16 * MB)
#define ECHOES      2000
#define STOCK_ECHOES 200
#define EVENTS      2000
/* At rest: no CPU time used that long. A thousand domains of Xen's daemon
 * need about a minute. */
#define SETTLE_S    0.3
#define SETTLE_MOST 1000
/* How long idle CPU time is measured. */
#define IDLE_S      2.0

enum who { BARE, OURS, STOCK, WHO_N };
static const char *const names[] = { "bare", "xenqmp", "stock" };

/* --- the contenders --------------------------------------------------- */

/* Moves a ring's bytes to a descriptor, and a descriptor's into the ring,
 * as long as the test lives. */
static void bare_run(const struct guest_console *c, int fd, bool is_tty)
{
    struct xencons_interface *ring = xensim_page_map(c->domid,
                                                     c->ring_ref);
    int events, handle = xensim_handle_open(&events);
    int port = xensim_port_bind(handle, c->domid, c->port);
    struct pollfd ready[2] = {
        { .fd = events, .events = POLLIN },
        { .fd = is_tty ? fd : -1, .events = POLLIN },
    };

    while (port >= 0 && poll(ready, 2, -1) > 0) {
        uint32_t token, n, at = ring->out_cons, end = ring->out_prod;

        if (ready[0].revents && read(events, &token, 4) == 4) {
            for (; at != end; at += n) {
                n = sizeof(ring->out) - MASK_XENCONS_IDX(at, ring->out);
                n = n < end - at ? n : end - at;
                if (write(fd, &ring->out[MASK_XENCONS_IDX(at, ring->out)],
                          n) != (ssize_t)n)
                    _exit(1);
            }
            atomic_store((_Atomic uint32_t *)&ring->out_cons, at);
            xensim_notify(0, (uint32_t)port);
            xensim_port_unmask(0, (uint32_t)port);
        }
        at = ring->in_prod;
        n = MASK_XENCONS_IDX(at, ring->in);
        end = (uint32_t)sizeof(ring->in) - (at - ring->in_cons);
        end = end < sizeof(ring->in) - n ? end :
              (uint32_t)sizeof(ring->in) - n;
        /* What has no room waits for the guest's event. */
        ready[1].events = end ? POLLIN : 0;
        if (ready[1].revents && end) {
            ssize_t got = read(fd, &ring->in[n], end);

            if (got > 0) {
                atomic_store((_Atomic uint32_t *)&ring->in_prod,
                             at + (uint32_t)got);
                xensim_notify(0, (uint32_t)port);
            }
        }
    }
    _exit(1);
}

static pid_t served_by;

/* A console 0 that who serves, with a terminal. */
static struct guest_console serve(enum who who, int *tty_r)
{
    struct guest_console c;
    struct termios raw;
    int master;

    start_host();
    if (who == OURS) {
        start_ours("--overflow-data=keep");     /* every byte is looked at */
        served_by = ours;
    } else if (who == STOCK) {
        const char *const argv[] = {
            in_build("sysroot/xen/bin/xenconsoled"), "-i",
            "--overflow-data=keep", NULL
        };

        served_by = host_spawn(argv);
    }
    guest_create(5);
    c = guest_console_add(5, 0, NULL);
    if (who != BARE) {
        *tty_r = tty_open(&c);
        return c;
    }
    master = posix_openpt(O_RDWR | O_NOCTTY);
    check(master >= 0 && !grantpt(master) && !unlockpt(master));
    *tty_r = open(ptsname(master), O_RDWR | O_NOCTTY);
    check(!tcgetattr(*tty_r, &raw));
    cfmakeraw(&raw);
    check(!tcsetattr(*tty_r, TCSANOW, &raw));
    served_by = fork();
    if (!served_by)
        bare_run(&c, master, true);
    close(master);
    return c;
}

/* The same to a file. Stock has no such thing but its log. */
static struct guest_console serve_file(enum who who, const char *path)
{
    struct guest_console c;
    char output[64];
    int tty;

    if (who == STOCK) {
        const char *const argv[] = {
            in_build("sysroot/xen/bin/xenconsoled"), "-i",
            "--log=guest", NULL
        };

        start_host();
        served_by = host_spawn(argv);
        guest_create(5);
        guest_write(0, "vm", "/local/domain/5/name");
        c = guest_console_add(5, 0, NULL);
        tty = tty_open(&c);
        close(tty);
        return c;
    }
    start_host();
    if (who == OURS)
        start_ours(NULL);
    guest_create(5);
    snprintf(output, sizeof(output), "file:%s", path);
    c = guest_console_add(5, 1, output);
    guest_console_publish(&c);
    if (who == OURS) {
        check_connects(&c);
        served_by = ours;
        return c;
    }
    served_by = fork();
    if (!served_by)
        bare_run(&c, open(path, O_WRONLY | O_CREAT | O_APPEND, 0600),
                 false);
    return c;
}

/* --- what is measured ------------------------------------------------- */

static char pattern[MB];

struct result {
    double first, second;
};

/* MB/s, and ms of CPU time a MB. */
static struct result moved(double bytes, double took, double cpu)
{
    return (struct result){ bytes / took / MB, cpu * 1e3 * MB / bytes };
}

static struct result file_bytes(enum who who)
{
    const char *path = who == STOCK ? "/var/log/xen/console/guest-vm.log" :
                       "/run/bytes";
    size_t size = who == STOCK ? STOCK_SIZE : SIZE, sent = 0;
    struct guest_console c = serve_file(who, path);
    double start = now_s(), cpu = cpu_s(served_by), took;

    while (sent < size) {
        size_t at = sent % MB;
        size_t n = guest_console_put(&c, pattern + at, MB - at);

        if (!n)
            check(guest_wait(HOST_WAIT_MS));
        sent += n;
    }
    while (c.ring->out_cons != c.ring->out_prod)
        check(guest_wait(HOST_WAIT_MS));
    took = now_s() - start;
    return moved((double)sent, took, cpu_s(served_by) - cpu);
}

/* Somebody reads all of it at the terminal. */
static struct result tty_bytes(enum who who)
{
    size_t size = who == STOCK ? STOCK_SIZE : SIZE, sent = 0, got = 0;
    int tty, status;
    struct guest_console c = serve(who, &tty);
    double start = now_s(), cpu = cpu_s(served_by), took;
    static char bytes[65536];
    pid_t reader = fork();

    if (!reader) {
        while (got < size) {
            ssize_t n = read(tty, bytes, sizeof(bytes));

            for (ssize_t i = 0; i < n; i++)
                if (bytes[i] != pattern[(got + (size_t)i) % MB])
                    _exit(1);
            got += n > 0 ? (size_t)n : 0;
        }
        _exit(0);
    }
    while (sent < size) {
        size_t at = sent % MB, most = size - sent;
        size_t n = guest_console_put(&c, pattern + at,
                                     MB - at < most ? MB - at : most);

        if (!n)
            check(guest_wait(HOST_WAIT_MS));
        sent += n;
    }
    check_int(waitpid(reader, &status, 0), reader);
    check_int(status, 0);
    took = now_s() - start;
    return moved((double)sent, took, cpu_s(served_by) - cpu);
}

static struct result guest_bytes(enum who who)
{
    size_t size = (who == STOCK ? STOCK_SIZE : SIZE) / 4, got = 0;
    int tty;
    struct guest_console c = serve(who, &tty);
    double start = now_s(), cpu = cpu_s(served_by), took;
    static char bytes[1024];
    pid_t writer = fork();

    if (!writer) {
        for (size_t sent = 0; sent < size; ) {
            size_t n = size - sent < 4096 ? size - sent : 4096;
            ssize_t r = write(tty, pattern + sent % MB, n);

            if (r <= 0)
                _exit(1);
            sent += (size_t)r;
        }
        pause();
    }
    while (got < size) {
        size_t n = guest_console_get(&c, bytes, sizeof(bytes));

        if (!n)
            check(guest_wait(HOST_WAIT_MS));
        for (size_t i = 0; i < n; i++)
            check(bytes[i] == pattern[(got + i) % MB]);
        got += n;
    }
    took = now_s() - start;
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    return moved((double)got, took, cpu_s(served_by) - cpu);
}

/* Lets that much time go by, whatever events come meanwhile; returns how
 * much it was. */
static double quiet(double seconds)
{
    double start = now_s(), went = 0;

    for (; went < seconds; went = now_s() - start)
        guest_wait((int)((seconds - went) * 1e3) + 1);
    return went;
}

/* What the last events of xenstore are about has been done. */
static void settle(void)
{
    for (int i = 0; i < SETTLE_MOST; i++) {
        double before = cpu_s(ours);

        quiet(SETTLE_S);
        if (cpu_s(ours) <= before)
            return;
    }
    check(!"the daemon comes to rest");
}

static size_t others_n;
static bool others_flood;

static void flood(struct guest_console *others, size_t n)
{
    for (;;)
        for (size_t i = 0; i < n; i++)
            guest_console_put(&others[i], pattern, 2048);
}

/* p50 and p99, in us. */
static struct result echoes(enum who who)
{
    static struct guest_console others[1000];
    static double took[ECHOES];
    size_t n = who == STOCK ? STOCK_ECHOES : ECHOES;
    int tty;
    struct guest_console c = serve(who, &tty);
    pid_t flooder = 0;

    if (who == BARE && others_n)
        return (struct result){ 0, 0 };
    for (unsigned int i = 0; i < others_n; i++) {
        guest_create(i + 6);
        others[i] = guest_console_add(i + 6, 0, NULL);
    }
    for (size_t i = 0; i < others_n; i++)
        while (!host_wait(has_tty, &others[i]))
            ;
    if (who == OURS)
        settle();
    if (others_flood) {
        flooder = fork();
        if (!flooder)
            flood(others, others_n);
    }
    for (size_t i = 0; i < n; i++) {
        double start = now_s();

        echo(&c, tty);
        took[i] = (now_s() - start) * 1e6;
    }
    if (flooder) {
        kill(flooder, SIGKILL);
        waitpid(flooder, NULL, 0);
    }
    return (struct result){ quantile(took, n, 0.50),
                            quantile(took, n, 0.99) };
}

/* --- one figure: rounds in processes of their own, in turn ------------- */

static struct result in_child(struct result (*measure)(enum who),
                              enum who who)
{
    struct child child;
    struct result r;

    if (child_begin(&child)) {
        r = measure(who);
        kill(served_by, SIGKILL);
        waitpid(served_by, NULL, 0);
        child_end(&child, &r, sizeof(r));
    }
    child_result(&child, names[who], &r, sizeof(r));
    return r;
}

static void figure_line(const char *what, double values[][ROUNDS],
                        int rounds)
{
    double v[WHO_N];

    printf("%-34s", what);
    for (enum who who = BARE; who < WHO_N; who++) {
        v[who] = quantile(values[who], (size_t)rounds, 0.5);
        printf(" %s %10.3f", names[who], v[who]);
    }
    if (v[BARE] > 0)
        printf("  xenqmp/bare %.2f", v[OURS] / v[BARE]);
    printf("  xenqmp/stock %.2f\n", v[OURS] / v[STOCK]);
    fflush(stdout);
}

static void figure(const char *first, const char *second,
                   struct result (*measure)(enum who), int rounds)
{
    double firsts[WHO_N][ROUNDS], seconds[WHO_N][ROUNDS];

    for (int i = 0; i < rounds; i++)
        for (enum who who = BARE; who < WHO_N; who++) {
            struct result r = in_child(measure, who);

            firsts[who][i] = r.first;
            seconds[who][i] = r.second;
        }
    figure_line(first, firsts, rounds);
    figure_line(second, seconds, rounds);
}

/* --- scale ------------------------------------------------------------ */

static void domains_make(struct guest_console (*c)[5], unsigned int domains,
                         unsigned int consoles)
{
    for (unsigned int d = 0; d < domains; d++) {
        guest_create(d + 1);
        for (unsigned int n = 0; n < consoles; n++) {
            c[d][n] = guest_console_add(d + 1, n, n ? "null" : NULL);
            if (n) {
                guest_console_publish(&c[d][n]);
                /* As when an earlier daemon served it. */
                guest_write(0, "4", "%s/state", c[d][n].backend);
                guest_write(d + 1, "4", "%s/state", c[d][n].frontend);
            }
        }
    }
}

static bool all_bound(void *data)
{
    unsigned int n = 0;

    for (uint32_t port = 1; port < XENSIM_PORTS; port++)
        n += xensim->ports[port].state == XENSIM_BOUND;
    return n >= *(unsigned int *)data;
}

/* xenstored's own port of each domain, and the consoles'. */
static void domains_ready(unsigned int n, unsigned int consoles)
{
    unsigned int ports = n * (1 + consoles);

    while (!host_wait(all_bound, &ports))
        ;
}

/* Resident memory of its own, idle CPU time, time to take all over. */
static void scale(enum who who, unsigned int domains)
{
    static struct guest_console c[1000][5];
    unsigned int consoles = who == OURS ? 5 : 1;
    double start, idle, went;
    const char *const argv[] = {
        in_build("sysroot/xen/bin/xenconsoled"), "-i", NULL
    };

    start_host();
    domains_make(c, domains, consoles);
    /* All are there when it comes. */
    start = now_s();
    if (who == OURS)
        start_ours(NULL);
    else
        ours = host_spawn(argv);
    domains_ready(domains, consoles);
    printf("%5u domains of %u: %s: taken over in %6.3f s, ", domains,
           consoles, names[who], now_s() - start);
    settle();
    idle = cpu_s(ours);
    went = quiet(IDLE_S);
    printf("%6zu kB of its own, %.6f of a CPU when idle\n",
           status_kb(ours, "RssAnon:"), (cpu_s(ours) - idle) / went);
    fflush(stdout);
}

/* Instructions outside the kernel for a single-byte event, by the CPU's
 * counter: under valgrind the daemon could not restrict its system calls. */
static void instructions(enum who who, unsigned int domains)
{
    static struct guest_console c[1000][5];
    struct perf_event_attr attr = {
        .type = PERF_TYPE_HARDWARE, .size = sizeof(attr),
        .config = PERF_COUNT_HW_INSTRUCTIONS, .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    struct guest_console *busy = &c[domains / 2][2];
    uint64_t before, after;
    int counter;

    (void)who;
    start_host();
    domains_make(c, domains, 5);
    start_ours(NULL);
    domains_ready(domains, 5);
    settle();
    counter = (int)syscall(SYS_perf_event_open, &attr, ours, -1, -1, 0);
    if (counter < 0) {
        printf("%5u domains: no instruction counter: %s\n", domains,
               strerror(errno));
        return;
    }
    check_int(read(counter, &before, sizeof(before)), sizeof(before));
    for (int i = 0; i < EVENTS; i++) {
        put_all(busy, "x", 1);
        while (busy->ring->out_cons != busy->ring->out_prod)
            check(guest_wait(HOST_WAIT_MS));
    }
    check_int(read(counter, &after, sizeof(after)), sizeof(after));
    printf("%5u domains of 5: xenqmp: %5.0f instructions a single-byte "
           "event\n", domains, (double)(after - before) / EVENTS);
    fflush(stdout);
}

static void alone(void (*fn)(enum who, unsigned int), enum who who,
                  unsigned int domains)
{
    int status;
    pid_t pid = fork();

    if (!pid) {
        fn(who, domains);
        host_stop();
        _exit(0);
    }
    check_int(waitpid(pid, &status, 0), pid);
    check_int(status, 0);
}

int main(void)
{
    static const unsigned int sizes[] = { 1, 10, 100, 1000 };

    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (char)(' ' + i * 7 % 90);
    figure("guest to file, MB/s", "  CPU time, ms a MB", file_bytes,
           ROUNDS);
    figure("guest to terminal, MB/s", "  CPU time, ms a MB", tty_bytes,
           ROUNDS);
    figure("terminal to guest, MB/s", "  CPU time, ms a MB", guest_bytes,
           ROUNDS);
    figure("echo, idle, p50 us", "  p99", echoes, ROUNDS);
    others_n = 10;
    others_flood = true;
    figure("echo, 10 flooding, p50 us", "  p99", echoes, ROUNDS);
    others_flood = false;
    others_n = 1000;
    figure("echo, 1000 idle domains, p50 us", "  p99", echoes, 1);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        alone(scale, OURS, sizes[i]);
        alone(scale, STOCK, sizes[i]);
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        alone(instructions, OURS, sizes[i]);
    return 0;
}
