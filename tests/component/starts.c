/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stubdomain whose QEMU does not run, or that qmp-helper refuses: who
 * created the guest reads why.
 */
#include "stubdomain.h"

#define USER  "/run/xensim/user"
#define FAILS "[    0.9] Run /init as init process\r\n" \
              "qemu: -foo: invalid option\r\n" \
              "stubdomd: QEMU ended with status 1\r\n"
#define TOLD  "qmp-helper: domain " GUEST ": its QEMU does not run: QEMU " \
              "ended with status 1 (qemu: -foo: invalid option); all of " \
              "it is in " LOG "\n"

/* This process is libxl: what it has for its standard error, its user
 * reads. */
static void user_reads(void)
{
    check(freopen(USER, "w", stderr) != NULL);
}

static bool user_has(void *data)
{
    return strstr(file_text(USER), data);
}

/* Held until it is known whether QEMU runs, and no longer: there may be
 * one who waits for its end. */
static bool user_is_let_go(void *data)
{
    char path[64], file[64];
    int held = 0;

    (void)data;
    for (int fd = 0; fd < 64; fd++) {
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)helper, fd);
        n = readlink(path, file, sizeof(file) - 1);
        file[n > 0 ? n : 0] = '\0';
        held += !strcmp(file, USER);
    }
    return !held;
}

static void stubdomain_start(void)
{
    start_ours(NULL);
    etc_make(example());
    stubdomain_make();
    guest_write(0, "file:" LOG, "/local/domain/" DM "/console/output");
    file_write(LOG, "[    0.1] Linux\r\n");
    user_reads();
    helper_spawn();
    helper_connect();
}

TEST_AS_ROOT(who_created_the_guest_reads_why_its_qemu_does_not_run)
{
    stubdomain_start();
    check(!user_is_let_go(NULL));
    file_write(LOG, FAILS);
    check(host_wait(user_has, (void *)"\n"));
    check_str(file_text(USER), TOLD);
    check(host_wait(log_has, TOLD));
    check(host_wait(user_is_let_go, NULL));
    /* libxl cleans up. */
    check(!kill(helper, SIGHUP));
    check(host_wait(all_gone, NULL));
}

TEST_AS_ROOT(and_nothing_once_qemu_runs)
{
    stubdomain_start();
    guest_write(8, "running", RUNS);
    check(host_wait(user_is_let_go, NULL));
    file_write(LOG, FAILS);
    check(!kill(helper, SIGHUP));
    check(host_wait(all_gone, NULL));
    check_str(file_text(USER), "");
    check(!log_has((void *)"its QEMU does not run"));
}

/* xl-qmp create reads the log itself. */
TEST_AS_ROOT(and_nothing_where_another_tells)
{
    setenv("XENQMP_LOG_WATCHED", "1", 1);
    stubdomain_start();
    check(host_wait(user_is_let_go, NULL));
}

TEST_AS_ROOT(who_created_the_guest_reads_why_it_is_refused)
{
    int status = -1;

    start_host();
    etc_make(example());
    stubdomain_make();
    user_reads();
    helper_spawn();
    check(host_wait(has_ended, &status));
    check(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    check(strstr(file_text(USER), "qmp-helper: domain 8: xenconsoled is "
                 "Xen's own"));
}

/* A pipe that is full and that nobody reads. */
TEST_AS_ROOT(nobody_holds_it_up_by_not_reading)
{
    static const char bytes[4096];
    int fds[2], status = -1;

    check(!pipe2(fds, O_NONBLOCK));
    while (write(fds[1], bytes, sizeof(bytes)) > 0)
        continue;
    check(!fcntl(fds[1], F_SETFL, 0));
    start_host();
    etc_make(example());
    stubdomain_make();
    check_int(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    helper_spawn();
    check(host_wait(has_ended, &status));
}

TAP_MAIN()
