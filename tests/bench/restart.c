/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * restart: what a xenconsoled that starts among many domains has to do, on
 * xensim and both of Debian's xenstoreds: xenqmp's for domains of five
 * consoles that no daemon has served yet, then once more after kill -9, and
 * Xen's for domains of one console, for it serves no others. Each console
 * has a byte waiting; it is served when that is taken. Then one domain more
 * is created and destroyed. What counts is the last column: for a console,
 * or for that one domain, how many times the first size's figure it is.
 * Processor time is the daemon's; until it is at rest, and all keys were
 * read again, xenstored's besides. That is what one domain more is told in.
 *
 *   tests/bench/restart [DOMAINS...]
 */
#include "bench.h"
#include "tests/xensim/xensim.h"

#define CONSOLES 5
#define SIZES    8
/* At rest: no CPU time used that long. */
#define SETTLE_S 0.3
/* Medians of that many lives of a domain. */
#define LIVES    5

enum who { OURS, STOCK };

enum figure {
    FIRST,              /* until all are served that none has served yet */
    FIRST_CPU,          /* of it and xenstored, until all is at rest */
    TENTH, HALF, ALL,   /* of them, until served after kill -9 */
    ALL_CPU,            /* of it, by then */
    AGAIN_CPU,          /* of it and xenstored, until all is at rest */
    CREATED, DESTROYED, /* a domain more; of both, until all is at rest */
    ALONE_CREATED, ALONE_DESTROYED, /* of xenstored, with no daemon */
    FIGURES,
};

static const char *const names[FIGURES] = {
    "served for the first time", "  processor time until at rest",
    "after kill -9: a tenth served", "  half", "  all",
    "  processor time by then", "  processor time until at rest",
    "one more: time to create it", "  to destroy it",
    "  without a daemon, to create it", "  to destroy it",
};

static struct guest_console consoles[XENSIM_DOMAINS][CONSOLES];
static unsigned int domains_n, each_n;

static void domain_make(unsigned int d)
{
    guest_create(d + 1);
    for (unsigned int n = 0; n < each_n; n++) {
        struct guest_console *c = &consoles[d][n];

        *c = guest_console_add(d + 1, n, n ? "null" : NULL);
        if (n)
            guest_console_publish(c);
        put_all(c, "x", 1);
    }
}

static unsigned int served(unsigned int from, unsigned int to)
{
    unsigned int r = 0;

    for (unsigned int d = from; d < to; d++)
        for (unsigned int n = 0; n < each_n; n++)
            r += consoles[d][n].ring->out_cons ==
                 consoles[d][n].ring->out_prod;
    return r;
}

static bool share_served(void *data)
{
    return served(0, domains_n) >= *(unsigned int *)data;
}

static bool last_served(void *data)
{
    unsigned int *d = data;

    return !ours || served(*d, *d + 1) == each_n;
}

static bool unmapped(void *data)
{
    return !ours ||
           xensim->mapped - xensim->unmapped <= *(uint64_t *)data;
}

static void wait_for(bool (*fn)(void *data), void *data)
{
    while (!host_wait(fn, data))
        ;
}

static void wait_share(double share)
{
    unsigned int n = (unsigned int)(share * domains_n * each_n);

    wait_for(share_served, &n);
}

static void settle(void)
{
    double before;

    if (!ours)
        return;
    do {
        double until = now_s() + SETTLE_S;

        before = cpu_s(ours);
        while (now_s() < until)
            guest_wait((int)(SETTLE_S * 1e3));
    } while (cpu_s(ours) > before);
}

static double cpu_of_both(void)
{
    return (ours ? cpu_s(ours) : 0) + cpu_s(host_store());
}

static void start(enum who who)
{
    const char *const stock[] = { in_build("sysroot/xen/bin/xenconsoled"),
                                  "-i", NULL };

    if (who == OURS)
        start_ours(NULL);
    else
        ours = host_spawn(stock);
}

/* Linux says 4 when the backend has. */
static void frontends_connect(void)
{
    for (unsigned int d = 0; d < domains_n; d++)
        for (unsigned int n = 1; n < each_n; n++) {
            check_connects(&consoles[d][n]);
            guest_write(d + 1, "4", "%s/state", consoles[d][n].frontend);
        }
}

static void restart(enum who who, double *took)
{
    double began, cpu;

    frontends_connect();
    settle();
    kill_ours();
    for (unsigned int d = 0; d < domains_n; d++)
        for (unsigned int n = 0; n < each_n; n++)
            put_all(&consoles[d][n], "y", 1);
    cpu = cpu_s(host_store());
    began = now_s();
    start(who);
    wait_share(0.1);
    took[TENTH] = now_s() - began;
    wait_share(0.5);
    took[HALF] = now_s() - began;
    wait_share(1);
    took[ALL] = now_s() - began;
    took[ALL_CPU] = cpu_s(ours);
    settle();
    took[AGAIN_CPU] = cpu_of_both() - cpu;
}

static void lives(double *created_r, double *destroyed_r)
{
    double created[LIVES], destroyed[LIVES], began;

    for (int i = 0; i < LIVES; i++) {
        uint64_t pages = xensim->mapped - xensim->unmapped;

        began = cpu_of_both();
        domain_make(domains_n);
        wait_for(last_served, &domains_n);
        settle();
        created[i] = cpu_of_both() - began;
        began = cpu_of_both();
        guest_destroy(domains_n + 1);
        wait_for(unmapped, &pages);
        settle();
        destroyed[i] = cpu_of_both() - began;
    }
    *created_r = quantile(created, LIVES, 0.5);
    *destroyed_r = quantile(destroyed, LIVES, 0.5);
}

static void measure(enum who who, double *took)
{
    double began, cpu;

    start_host();
    for (unsigned int d = 0; d < domains_n; d++)
        domain_make(d);
    lives(&took[ALONE_CREATED], &took[ALONE_DESTROYED]);
    cpu = cpu_s(host_store());
    began = now_s();
    start(who);
    wait_share(1);
    took[FIRST] = now_s() - began;
    settle();
    took[FIRST_CPU] = cpu_of_both() - cpu;
    if (who == OURS)
        restart(who, took);
    lives(&took[CREATED], &took[DESTROYED]);
}

/* In a process of its own. */
static void in_child(enum who who, double *took)
{
    size_t size = FIGURES * sizeof(*took);
    struct child child;

    if (child_begin(&child)) {
        measure(who, took);
        child_end(&child, took, size);
    }
    child_result(&child, who == OURS ? "xenqmp" : "stock", took, size);
}

static void curve(enum who who, const unsigned int *sizes, size_t n)
{
    double took[SIZES][FIGURES] = { { 0 } };

    each_n = who == OURS ? CONSOLES : 1;
    for (size_t i = 0; i < n; i++) {
        domains_n = sizes[i];
        in_child(who, took[i]);
        for (enum figure f = FIRST; f < FIGURES; f++) {
            bool one = f >= CREATED;
            double grown = took[i][f] / took[0][f] *
                           (one ? 1 : (double)sizes[0] / sizes[i]);

            if (took[i][f] > 0)
                printf("%-11s %-6s %5u of %u: %-31s %9.4f s  x %.2f\n",
                       strrchr(xenstored, '/') + 1,
                       who == OURS ? "xenqmp" : "stock", sizes[i], each_n,
                       names[f], took[i][f], grown);
        }
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static const char *const stores[] = { HOST_XENSTORED, HOST_OXENSTORED };
    unsigned int sizes[SIZES] = { 100, 300, 1000 };
    size_t n = argc > 1 ? 0 : 3;

    for (int i = 1; i < argc && n < SIZES; i++)
        sizes[n++] = (unsigned int)atoi(argv[i]);
    for (size_t i = 0; i < n; i++)
        check(sizes[i] && sizes[i] + 1 < XENSIM_DOMAINS);
    for (int i = 0; i < 2; i++) {
        xenstored = stores[i];
        curve(OURS, sizes, n);
        curve(STOCK, sizes, n);
    }
    return 0;
}
