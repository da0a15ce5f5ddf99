/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What benches on xensim share: clocks, quantiles, a guest's echo. */
#ifndef XENQMP_TESTS_BENCH_BENCH_H
#define XENQMP_TESTS_BENCH_BENCH_H

#include "tests/component/component.h"

#include <stdlib.h>
#include <time.h>

#define BENCH __attribute__((unused)) static

BENCH double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* CPU time that a process has used, all of its threads. */
BENCH double cpu_s(pid_t pid)
{
    clockid_t clock;
    struct timespec t;

    check(!clock_getcpuclockid(pid, &clock));
    check(!clock_gettime(clock, &t));
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

BENCH int compare(const void *a, const void *b)
{
    double d = *(const double *)a - *(const double *)b;

    return (d > 0) - (d < 0);
}

/* Sorts. */
BENCH double quantile(double *values, size_t n, double q)
{
    qsort(values, n, sizeof(*values), compare);
    return values[(size_t)(q * (double)(n - 1) + 0.5)];
}

/* A byte typed, echoed by the guest, read. */
BENCH void echo(struct guest_console *c, int tty)
{
    char byte = 'e', back;

    check_int(write(tty, &byte, 1), 1);
    while (!guest_console_get(c, &back, 1))
        check(guest_wait(HOST_WAIT_MS));
    while (!guest_console_put(c, &back, 1))
        check(guest_wait(HOST_WAIT_MS));
    check_int(read(tty, &back, 1), 1);
    check_int(back, byte);
}

BENCH size_t status_kb(pid_t pid, const char *key)
{
    char path[64];
    const char *at;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    at = strstr(file_text(path), key);
    return at ? (size_t)atol(at + strlen(key)) : 0;
}

/* --- A measurement in a process of its own ------------------------------- */

struct child {
    pid_t pid;
    int fds[2];
};

/* True in that process, which measures and ends by child_end(). */
BENCH bool child_begin(struct child *child)
{
    check(!pipe(child->fds));
    fflush(stdout);
    child->pid = fork();
    check(child->pid >= 0);
    return !child->pid;
}

/* With the simulated host. */
BENCH void child_end(struct child *child, const void *result, size_t size)
{
    check(write(child->fds[1], result, size) == (ssize_t)size);
    host_stop();
    _exit(0);
}

/* Without a result nothing is measured. what: what failed then. */
BENCH void child_result(struct child *child, const char *what, void *result_r,
                        size_t size)
{
    int status;

    check_int(waitpid(child->pid, &status, 0), child->pid);
    if (status || read(child->fds[0], result_r, size) != (ssize_t)size) {
        printf("%s: failed\n", what);
        exit(1);
    }
    close(child->fds[0]);
    close(child->fds[1]);
}

#endif
