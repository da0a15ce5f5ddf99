/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A unit test is one program: cases by TEST(), TAP_MAIN() at the end.
 * Each case runs in a child of its own with a time limit; TAP on stdout.
 */
#ifndef XENQMP_TESTS_UNIT_TAP_H
#define XENQMP_TESTS_UNIT_TAP_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* For what never ends: however busy the machine, nothing takes as long. */
#ifndef TAP_LIMIT_S
#define TAP_LIMIT_S 3600
#endif

struct tap_case {
    const char *name;
    void (*run)(void);
    struct tap_case *next;
};

/* What more a test has to say when it fails, or NULL. */
static void (*tap_on_failure)(void);
/* What must hold at the end of each case, or NULL. */
__attribute__((unused))
static void (*tap_at_end)(void);

/* unused: fuzz targets have no cases. */
__attribute__((unused))
static struct tap_case *tap_first, **tap_end = &tap_first;

__attribute__((unused))
static int tap_left_out;

#define TEST(test) TAP_CASE(test, true)
/* A case that takes another user, whom only root can become: for anybody
 * else there is none, and tap_main() says so. */
#define TEST_AS_ROOT(test) TAP_CASE(test, !geteuid())

#define TAP_CASE(test, exists)                                          \
    static void test(void);                                             \
    __attribute__((constructor)) static void tap_register_##test(void)  \
    {                                                                   \
        static struct tap_case tap_case = { #test, test, NULL };        \
        tap_left_out += !(exists);                                      \
        if (!(exists))                                                  \
            return;                                                     \
        *tap_end = &tap_case;                                           \
        tap_end = &tap_case.next;                                       \
    }                                                                   \
    static void test(void)

#define tap_fail(...) do {                                              \
        printf("# %s:%d: ", __FILE__, __LINE__);                        \
        printf(__VA_ARGS__);                                            \
        putchar('\n');                                                  \
        if (tap_on_failure)                                             \
            tap_on_failure();                                           \
        fflush(stdout);                                                 \
        _exit(1);                                                       \
    } while (0)

#define check(expr) do {                                                \
        if (!(expr))                                                    \
            tap_fail("not true: %s", #expr);                            \
    } while (0)

#define check_int(is, ought) do {                                       \
        long long is_ = (long long)(is), ought_ = (long long)(ought);   \
        if (is_ != ought_)                                              \
            tap_fail("%s is %lld, not %lld", #is, is_, ought_);         \
    } while (0)

#define check_str(is, ought) do {                                       \
        const char *is_ = (is), *ought_ = (ought);                      \
        if (!is_ || strcmp(is_, ought_))                                \
            tap_fail("%s is \"%s\", not \"%s\"", #is,                   \
                     is_ ? is_ : "(null)", ought_);                     \
    } while (0)

#define check_mem(is, is_len, ought, ought_len) do {                    \
        const void *is_ = (is), *ought_ = (ought);                      \
        size_t is_len_ = (is_len), ought_len_ = (ought_len);            \
        if (is_len_ != ought_len_ || memcmp(is_, ought_, is_len_))      \
            tap_fail("%s is \"%.*s\", not \"%.*s\"", #is, (int)is_len_, \
                     (const char *)is_, (int)ought_len_,                \
                     (const char *)ought_);                             \
    } while (0)

/* Of gcov: what has run, written down. A case ends without exit(). */
#ifdef XENQMP_COVERAGE
void __gcov_dump(void);
#else
#define __gcov_dump() ((void)0)
#endif

static inline void tap_case_run(const struct tap_case *c)
{
    alarm(TAP_LIMIT_S);
    c->run();
    if (tap_at_end)
        tap_at_end();
    fflush(stdout);
    __gcov_dump();
    _exit(0);
}

static inline int tap_main(void)
{
    int n = 0, failed = 0;

    for (struct tap_case *c = tap_first; c; c = c->next) {
        int status;
        pid_t pid;

        n++;
        fflush(stdout);
        pid = fork();
        if (pid < 0)
            return 1;
        if (!pid)
            tap_case_run(c);
        waitpid(pid, &status, 0);
        if (WIFSIGNALED(status))
            printf("# killed by signal %d%s\n", WTERMSIG(status),
                   WTERMSIG(status) == SIGALRM ? ": time limit" : "");
        failed += status != 0;
        printf("%sok %d - %s\n", status ? "not " : "", n, c->name);
    }
    if (tap_left_out)
        printf("# %d more cases exist for root\n", tap_left_out);
    printf("1..%d\n", n);
    return failed != 0;
}

#define TAP_MAIN() int main(void) { return tap_main(); }

#endif
