/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attacks: what an innocent guest notices of ten that attack xenconsoled, on
 * xensim: the echo of a byte, beside idle guests, beside a guest that only
 * computes, and beside each attack; and the daemon's memory of its own,
 * before and after. The attackers have what the processors have left
 * (SCHED_IDLE), as a hypervisor would not let them take them from dom0:
 * what is measured is what the daemon makes of them. The echo is a reader's
 * at a socket: a terminal's bytes wait for a thread of the kernel's. Two processors at
 * least. All in one run; medians of ROUNDS, and the ratios that count.
 */
#include "bench.h"
#include "tests/xensim/hang.h"

#include <sched.h>
#include <sys/prctl.h>

#define ROUNDS   3
#define ECHOES   2000
#define BAD_N    10
/* So long it goes on before anything is measured. */
#define WARM_S   3.0

static struct guest_console good, bad[BAD_N];
static const char junk[2048];

/* --- the attacks: one round of all ten -------------------------------- */

static void rest(void)
{
    pause();
}

static void computes(void)
{
}

static void floods(void)
{
    for (int i = 0; i < BAD_N; i++)
        guest_console_put(&bad[i], junk, sizeof(junk));
}

static void storms(void)
{
    for (int i = 0; i < BAD_N; i++)
        guest_console_notify(&bad[i]);
}

/* Its own directory, as fast as xenstored takes it. */
static void writes_keys(void)
{
    for (int i = 0; i < BAD_N; i++)
        guest_write(bad[i].domid, "x", "%s/mine", bad[i].frontend);
}

/* Each counter that makes no sense is a line in the log. */
static void makes_lines(void)
{
    for (int i = 0; i < BAD_N; i++) {
        bad[i].ring->out_prod = bad[i].ring->out_cons + 0x80000000;
        guest_console_notify(&bad[i]);
        guest_console_publish(&bad[i]);
    }
}

static void connects_anew(void)
{
    for (int i = 0; i < BAD_N; i++)
        guest_console_publish(&bad[i]);
}

static const struct attack {
    const char *name;
    void (*once)(void);
    const char *output, *policy;
    bool hangs;                 /* /run/hang */
} attacks[] = {
    { "idle",                  rest,          "pty",                NULL, 0 },
    { "one that computes",     computes,      "pty",                NULL, 0 },
    { "ring flood",            floods,        "null",               NULL, 0 },
    { "event storm",           storms,        "pty",                NULL, 0 },
    { "xenstore loop",         writes_keys,   "pty",                NULL, 0 },
    { "log flood",             makes_lines,   "pty",                NULL, 0 },
    { "reconnect loop",        connects_anew, "pty",                NULL, 0 },
    { "save flood",            floods,        "file:/run/save",   "save", 0 },
    { "terminal nobody reads", floods,        "pty",                NULL, 0 },
    { "output that can't be",  floods,        "file:/run/none/log", NULL, 0 },
    { "output that hangs",     floods,        "file:/run/hang/log", NULL, 1 },
};
#define ATTACKS (sizeof(attacks) / sizeof(attacks[0]))

/* --- one round --------------------------------------------------------- */

/* -1: all. The measured guest and the daemon have a processor each: who of
 * two on one is let run first is no doing of the daemon's. */
static void run_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (cpu < 0 || i == cpu)
            CPU_SET(i, &set);
    check(!sched_setaffinity(0, sizeof(set), &set));
}

struct result {
    double p50, p99;            /* us */
    double before, after;       /* kB */
};

static pid_t attack_start(const struct attack *attack)
{
    pid_t pid = fork();

    check(pid >= 0);
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    check(!sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){ 0 }));
    run_on(-1);
    guest_store = xs_open(0);
    for (;;)
        attack->once();
}

static struct result measure(const struct attack *attack)
{
    static double took[ECHOES];
    struct result r;
    pid_t attacker;
    int fd;

    start_host();
    run_on(1);
    start_ours(NULL);
    run_on(0);
    guest_create(5);
    good = guest_console_add(5, 3, "unix:/run/xensim/good");
    guest_console_publish(&good);
    check_connects(&good);
    fd = unix_attach(&good, "/run/xensim/good");
    if (attack->hangs)
        hang_begin("/run/hang");
    for (unsigned int i = 0; i < BAD_N; i++) {
        guest_create(6 + i);
        bad[i] = guest_console_add(6 + i, 1, attack->output);
        if (attack->policy)
            guest_write(0, attack->policy, "%s/policy", bad[i].backend);
        guest_console_publish(&bad[i]);
        if (!strstr(attack->output, "/none/") && !attack->hangs)
            check_connects(&bad[i]);
    }
    r.before = (double)status_kb(ours, "RssAnon:");
    attacker = attack_start(attack);
    for (double start = now_s(); now_s() - start < WARM_S;)
        echo(&good, fd);
    for (int i = 0; i < ECHOES; i++) {
        double start = now_s();

        echo(&good, fd);
        took[i] = (now_s() - start) * 1e6;
    }
    r.after = (double)status_kb(ours, "RssAnon:");
    r.p50 = quantile(took, ECHOES, 0.50);
    r.p99 = quantile(took, ECHOES, 0.99);
    kill(attacker, SIGKILL);
    waitpid(attacker, NULL, 0);
    check(!ours_ended());
    return r;
}

static struct result in_child(const struct attack *attack)
{
    struct child child;
    struct result r;

    if (child_begin(&child)) {
        r = measure(attack);
        child_end(&child, &r, sizeof(r));
    }
    child_result(&child, attack->name, &r, sizeof(r));
    return r;
}

static struct result median(struct result *rounds)
{
    struct result r;
    double values[4][ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        values[0][i] = rounds[i].p50;
        values[1][i] = rounds[i].p99;
        values[2][i] = rounds[i].before;
        values[3][i] = rounds[i].after;
    }
    r.p50 = quantile(values[0], ROUNDS, 0.5);
    r.p99 = quantile(values[1], ROUNDS, 0.5);
    r.before = quantile(values[2], ROUNDS, 0.5);
    r.after = quantile(values[3], ROUNDS, 0.5);
    return r;
}

int main(void)
{
    static struct result rounds[ATTACKS][ROUNDS];
    struct result idle, computing;

    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < ATTACKS; i++)
            rounds[i][round] = in_child(&attacks[i]);
    idle = median(rounds[0]);
    computing = median(rounds[1]);
    printf("echo of a guest beside %d others, us; p50, p99; to idle; to one "
           "that computes; the daemon's memory before, after\n", BAD_N);
    for (size_t i = 0; i < ATTACKS; i++) {
        struct result r = median(rounds[i]);

        printf("%-24s %8.0f %8.0f  %6.2f %6.2f  %6.2f %6.2f  %6.0f %6.0f kB\n",
               attacks[i].name, r.p50, r.p99, r.p50 / idle.p50,
               r.p99 / idle.p99, r.p50 / computing.p50,
               r.p99 / computing.p99, r.before, r.after);
    }
    return 0;
}
