/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper_children.c, helper_privileges.c, with processes of this test's in
 * the place of the worker. */
#include "helper_children.c"

#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <fcntl.h>

#include "helper_privileges.h"
#include "tap.h"

/* What the test's worker does, and how often it was started. */
static struct shared { int starts, lives; } *shared;

int worker_run(const struct worker_config *config)
{
    (void)config;
    if (shared->starts++ < shared->lives)
        return 1;
    for (;;)
        pause();
}

struct fixture {
    struct loop loop;
    struct worker_config config;
    struct children children;
};

static void fixture_init(struct fixture *f, int lives)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared->lives = lives;
    *f = (struct fixture){ .config = { .guest_domid = 5, .dm_domid = 6 } };
    f->children = (struct children){ .loop = &f->loop,
                                     .worker_config = &f->config };
    check(freopen("/dev/null", "w", stderr) != NULL);
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
    check_int(loop_init(&f->loop), 0);
}

/* As signal_ready() in helper.c does, but for one child that ends. */
static void reap_one(struct fixture *f)
{
    siginfo_t info;

    check_int(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
    children_reap(&f->children);
}

static void until_started(struct fixture *f)
{
    while (!f->children.worker)
        check_int(loop_run_once(&f->loop, -1), 0);
}

TEST(a_worker_that_ends_is_started_again_ever_later)
{
    struct fixture f;

    fixture_init(&f, 3);
    children_start_worker(&f.children);
    reap_one(&f);
    check_int(f.children.worker, 0);
    check(loop_timer_is_set(&f.children.restart));
    check_int(f.children.restart_ms, RESTART_FIRST_MS);
    until_started(&f);
    reap_one(&f);
    check_int(f.children.restart_ms, 2 * RESTART_FIRST_MS);
    until_started(&f);
    /* One that had lived for long is started again at once. */
    f.children.worker_began_ms -= 2 * RESTART_LAST_MS;
    reap_one(&f);
    check_int(f.children.restart_ms, RESTART_FIRST_MS);
    children_end(&f.children);
    check(!loop_timer_is_set(&f.children.restart));
}

TEST(at_the_end_nothing_is_started_again)
{
    struct fixture f;
    pid_t worker;

    fixture_init(&f, 0);
    children_start_worker(&f.children);
    worker = f.children.worker;
    children_end(&f.children);
    children_end(&f.children);
    children_wait(&f.children);
    check_int(f.children.worker, 0);
    check_int(kill(worker, 0), -1);
    check(!loop_timer_is_set(&f.children.restart));
}

/* Before anybody waits for it, or has it killed. */
TEST(at_the_end_it_is_told)
{
    struct fixture f;
    siginfo_t info;

    fixture_init(&f, 0);
    children_start_worker(&f.children);
    children_end(&f.children);
    check_int(waitid(P_PID, (id_t)f.children.worker, &info,
                     WEXITED | WNOWAIT), 0);
    check_int(info.si_code, CLD_KILLED);
    check_int(info.si_status, SIGKILL);
}

/* Once it was reaped, its pid is anybody's. */
TEST(at_the_end_who_has_ended_is_not_signalled)
{
    struct fixture f;

    fixture_init(&f, 1);
    /* A signal to the pid that stands for none goes to the own group, so
     * to this process. */
    check_int(setpgid(0, 0), 0);
    children_start_worker(&f.children);
    reap_one(&f);
    check_int(f.children.worker, 0);
    children_end(&f.children);
    children_wait(&f.children);
}

TEST(the_parent_keeps_five_capabilities)
{
    cap_t caps, wanted;

    check_int(privileges_drop(), 0);
    caps = cap_get_proc();
    wanted = cap_from_text("cap_setuid,cap_setgid,cap_sys_chroot,"
                           "cap_setpcap,cap_kill=ep");
    check(caps && wanted);
    check_int(cap_compare(caps, wanted) &
              (1 << CAP_EFFECTIVE | 1 << CAP_PERMITTED), 0);
    check_int(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    /* Another's process can't be traced, nor its memory read. */
    check_int(open("/proc/1/mem", O_RDONLY), -1);
}

TAP_MAIN()
