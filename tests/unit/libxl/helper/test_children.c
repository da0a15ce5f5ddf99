/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper/children.c, helper/privileges.c, with processes of this test's in
 * the place of the worker. */
#include "libxl/helper/children.c"

#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <fcntl.h>

#include "libxl/helper/privileges.h"
#include "tap.h"

/* What the test's worker does, and how often it was started. */
static struct shared {
    int starts, lives, asks;
    int call;                   /* that its sandbox refused */
    volatile char told;
    bool is_deaf;               /* to its end */
    pid_t parent;
} *shared;

static int worker_run(const void *data)
{
    const struct child_config *config = data;
    char state = 0;

    /* None outlives a case that has failed, and holds its output open. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != shared->parent)
        return 2;
    if (shared->call &&
        write(config->refused_fd, &shared->call, sizeof(int)) != sizeof(int))
        return 2;
    if (shared->starts++ < shared->lives)
        return 1;
    while (shared->asks-- > 0)
        send(config->parent_fd, "?", 1, 0);
    while (state != STUBDOM_DESTROYED &&
           recv(config->parent_fd, &state, 1, 0) == 1)
        shared->told = state;
    while (shared->is_deaf)
        pause();
    return 3;
}

struct fixture {
    struct loop loop;
    struct child_config config;
    struct children children;
};

static void fixture_init(struct fixture *f, int lives)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared->lives = lives;
    shared->parent = getpid();
    *f = (struct fixture){ .config = {
        .name = "QMP worker", .guest_domid = 5, .dm_domid = 6,
    } };
    f->children = (struct children){
        .loop = &f->loop, .config = &f->config, .run = worker_run,
        .run_data = &f->config, .gives = "QMP",
    };
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

static char said[512];

static bool note_line(const char *program, int priority, const char *line)
{
    (void)program;
    (void)priority;
    snprintf(said, sizeof(said), "%s", line);
    return true;
}

static void note_end(void *data)
{
    ++*(int *)data;
}

TEST(a_worker_that_always_ends_alike_is_given_up)
{
    struct fixture f;
    int ends = 0;

    fixture_init(&f, 100);
    f.children.gave_up = note_end;
    f.children.data = &ends;
    children_start_worker(&f.children);
    for (int i = 1; i < CHILDREN_SAME_MAX; i++) {
        reap_one(&f);
        check_int(ends, 0);
        until_started(&f);
    }
    reap_one(&f);
    check_int(ends, 1);
    check(!loop_timer_is_set(&f.children.restart));
    check_int(shared->starts, CHILDREN_SAME_MAX);
}

static bool key_is_there(void *data)
{
    int *lacks = data;

    return !*lacks || !(*lacks)--;
}

/* A certificate that does not match its key yet. */
TEST(a_worker_that_lacks_something_is_not_begun_yet)
{
    struct fixture f;
    int lacks = 2 * CHILDREN_SAME_MAX;

    fixture_init(&f, 0);
    f.children.may_start = key_is_there;
    f.children.data = &lacks;
    log_divert(note_line);
    children_start_worker(&f.children);
    while (!f.children.worker) {
        check(loop_timer_is_set(&f.children.restart));
        check(f.children.restart.deadline_ms > loop_now_ms());
        loop_timer_set(&f.loop, &f.children.restart, 0, worker_restart,
                       &f.children);
        check_int(loop_run_once(&f.loop, -1), 0);
    }
    check_int(lacks, 0);
    check_str(said, "");
    kill(f.children.worker, SIGKILL);
    reap_one(&f);
    /* It is asked before each. */
    lacks = 1;
    check_int(loop_run_once(&f.loop, -1), 0);
    check_int(f.children.worker, 0);
    check_int(lacks, 0);
    check(loop_timer_is_set(&f.children.restart));
    children_end(&f.children);
}

/* In others' hands it ends with any status. */
TEST(a_worker_that_says_that_it_lacks_something_is_given_up)
{
    struct fixture f;
    int lacks = 0;

    fixture_init(&f, 100);
    f.children.may_start = key_is_there;
    f.children.data = &lacks;
    children_start_worker(&f.children);
    for (int i = 1; i < CHILDREN_SAME_MAX; i++) {
        reap_one(&f);
        until_started(&f);
    }
    reap_one(&f);
    check(!loop_timer_is_set(&f.children.restart));
    check_int(shared->starts, CHILDREN_SAME_MAX);
}

/* In another way each time: that may pass. */
TEST(a_worker_that_ends_otherwise_is_not_given_up)
{
    struct fixture f;

    fixture_init(&f, 0);
    children_start_worker(&f.children);
    for (int i = 0; i < 4 + CHILDREN_SAME_MAX; i++) {
        /* The last ones by somebody else. */
        check_int(kill(f.children.worker, i < 4 && i % 2 ? SIGABRT :
                       i < 4 ? SIGSEGV : SIGKILL), 0);
        reap_one(&f);
        check(loop_timer_is_set(&f.children.restart));
        loop_timer_set(&f.loop, &f.children.restart, 0, worker_restart,
                       &f.children);
        until_started(&f);
    }
    children_end(&f.children);
    children_wait(&f.children);
}

/* Also by a worker that has ended at it. */
TEST(a_call_that_the_sandbox_refused_is_named)
{
    struct fixture f;

    for (int lives = 0; lives <= 1; lives++) {
        fixture_init(&f, lives);
        log_divert(note_line);
        shared->call = SCMP_SYS(rt_sigprocmask);
        children_start_worker(&f.children);
        if (lives)
            reap_one(&f);
        while (!strstr(said, "rt_sigprocmask"))
            check_int(loop_run_once(&f.loop, -1), 0);
        check(strstr(said, "domain 5: "));
        /* What can't be. */
        shared->call = 0;
        check(write(f.config.refused_fd, "\xff\xff\xff\xff", 4) == 4);
        while (!strstr(said, "no name"))
            check_int(loop_run_once(&f.loop, -1), 0);
        children_end(&f.children);
        children_wait(&f.children);
    }
}

/* Who always finds something there to read has no rest. */
TEST(what_is_refused_is_heard_now_and_then)
{
    struct epoll_event event;
    struct fixture f;

    fixture_init(&f, 0);
    log_divert(note_line);
    children_start_worker(&f.children);
    for (int n = 0; n < 3; n++) {
        while (write(f.config.refused_fd, "\xff\xff\xff\xff", 4) == 4)
            continue;
        while (!loop_timer_is_set(&f.children.refused))
            check_int(loop_run_once(&f.loop, -1), 0);
        check_int(epoll_wait(f.loop.epoll_fd, &event, 1, 0), 0);
        while (loop_timer_is_set(&f.children.refused))
            check_int(loop_run_once(&f.loop, -1), 0);
    }
    children_end(&f.children);
    children_wait(&f.children);
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
    check_int(info.si_code, CLD_EXITED);
    check_int(info.si_status, 3);
    check_int(shared->told, STUBDOM_DESTROYED);
}

TEST(one_that_does_not_end_is_killed)
{
    struct fixture f;
    pid_t worker;

    fixture_init(&f, 0);
    shared->is_deaf = true;
    children_start_worker(&f.children);
    worker = f.children.worker;
    children_end(&f.children);
    children_wait(&f.children);
    check_int(f.children.worker, 0);
    check_int(kill(worker, 0), -1);
}

static void until_told(char state)
{
    while (shared->told != state)
        usleep(1000);
}

TEST(each_worker_is_told_how_the_stubdomain_is)
{
    struct fixture f;

    fixture_init(&f, 0);
    children_start_worker(&f.children);
    children_tell(&f.children, STUBDOM_PAUSED);
    until_told(STUBDOM_PAUSED);
    children_tell(&f.children, STUBDOM_CRASHED);
    until_told(STUBDOM_CRASHED);
    kill(f.children.worker, SIGKILL);
    reap_one(&f);
    shared->told = 0;
    until_started(&f);
    until_told(STUBDOM_CRASHED);
    children_end(&f.children);
    children_wait(&f.children);
}

static void asked(void *data)
{
    ++*(int *)data;
}

/* Whoever has taken over a worker that has nothing to ask. */
TEST(a_worker_that_may_not_ask_is_not_heard)
{
    struct fixture f;

    fixture_init(&f, 0);
    shared->asks = 1;
    children_start_worker(&f.children);
    check_int(loop_run_once(&f.loop, -1), 0);
    check(loop_timer_is_set(&f.children.ask));
    children_end(&f.children);
    children_wait(&f.children);
}

/* One in others' hands may ask as often as it likes. */
TEST(a_worker_that_asks_without_end_costs_little)
{
    struct fixture f;
    int64_t began = loop_now_ms();
    int n = 0;

    fixture_init(&f, 0);
    f.children.asked = asked;
    f.children.data = &n;
    shared->asks = 100;
    children_start_worker(&f.children);
    while (n < 5)
        check_int(loop_run_once(&f.loop, -1), 0);
    check(loop_now_ms() - began >= 4 * ASK_GAP_MS);
    children_end(&f.children);
    children_wait(&f.children);
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
