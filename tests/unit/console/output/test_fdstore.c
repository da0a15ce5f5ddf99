/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Terminals across daemons: fdstore.c and out_pty.c. */
#include "output_fixture.h"

#include "console/output/fdstore.h"
#include "fake_systemd.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct fake_systemd systemd;

static void start_with_systemd(void)
{
    /* Before the fixture opens anything: low numbers are systemd's. */
    for (int i = 0; i < FAKE_SYSTEMD_FDS; i++)
        check(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
    start("pty", NULL, NULL);
    fake_systemd_start(&systemd, dir);
    output_close(output);
    output = NULL;
    fake_systemd_receive(&systemd);
}

static void pty_open(void)
{
    struct settings settings = { .kind = OUTPUT_PTY, .limit = 4096 };

    output = output_open(&host, &settings);
    check(output);
    fake_systemd_receive(&systemd);
}

static void finish_with_systemd(void)
{
    fake_systemd_stop(&systemd);
    finish();
}

static void expect(int fd, const char *text)
{
    char bytes[64];
    ssize_t n;

    while ((n = read(fd, bytes, sizeof(bytes))) < 0 && errno == EAGAIN)
        loop_run_once(&loop, 10);
    check_mem(bytes, (size_t)n, text, strlen(text));
}

TEST(a_terminal_outlives_the_daemon)
{
    char tty[64];
    int reader;

    start_with_systemd();
    pty_open();
    check_int(systemd.fds_n, 1);
    check_str(systemd.fds[0].name, "pty-5-3");
    check(strstr(systemd.text, "FDPOLL=0"));
    strcpy(tty, output_tty(output));
    reader = open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK);
    check_int(put("before", 6), 6);
    expect(reader, "before");
    /* It is killed: no more than its descriptors go. */
    fdstore_freeze();
    output_close(output);
    fake_systemd_hand_in(&systemd);
    check_int(write(reader, "typed meanwhile", 15), 15);
    fdstore_init();
    pty_open();
    check_int(systemd.fds_n, 1);
    check_str(output_tty(output), tty);
    put("after", 5);
    expect(reader, "after");
    output_poll(output, true);
    for (wakes = 0; !wakes;)
        loop_run_once(&loop, 10);
    tty[0] = '\0';
    check_int(output_get(output, tty, sizeof(tty)), 15);
    check_mem(tty, 15, "typed meanwhile", 15);
    finish_with_systemd();
}

TEST(a_terminal_goes_with_its_console)
{
    start_with_systemd();
    pty_open();
    check_int(systemd.fds_n, 1);
    output_close(output);
    fake_systemd_receive(&systemd);
    check_int(systemd.fds_n, 0);
    output = NULL;
    finish_with_systemd();
}

static void store(int fd, const char *name)
{
    systemd.fds[systemd.fds_n].fd = fd;
    strcpy(systemd.fds[systemd.fds_n++].name, name);
}

TEST(what_is_handed_in_is_checked)
{
    start_with_systemd();
    store(open("/dev/null", O_RDWR), "pty-5-3");
    store(open("/dev/ptmx", O_RDWR | O_NOCTTY), "pty-5-03");
    store(open("/dev/ptmx", O_RDWR | O_NOCTTY), "pty-5-4x");
    store(open("/dev/ptmx", O_RDWR | O_NOCTTY), "stored");
    store(open("/dev/ptmx", O_RDWR | O_NOCTTY), "pty-5-5");
    fake_systemd_hand_in(&systemd);
    fdstore_init();
    check_int(fdstore_take(5, 3), -1);
    check_int(fdstore_take(5, 4), -1);
    check(fdstore_take(5, 5) >= 0);
    check_int(fdstore_take(5, 5), -1);
    /* The others are closed, and no longer kept. */
    check(fcntl(3, F_GETFD) < 0 && fcntl(6, F_GETFD) < 0);
    fake_systemd_receive(&systemd);
    check_int(systemd.fds_n, 1);
    finish_with_systemd();
}

/* As systemd's is: opened in a mount namespace that ends with the one
 * process in it. The child has our descriptors, not a copy. */
static int master_without_mounts(void)
{
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL,
                                 NULL, NULL, NULL);
    int status;

    check(child >= 0);
    if (!child) {
        int master = unshare(CLONE_NEWNS) ? -1 :
                     posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);

        _exit(master < 0 || unlockpt(master) ? 0 : master);
    }
    check_int(waitpid(child, &status, 0), child);
    check(WIFEXITED(status) && WEXITSTATUS(status));
    return WEXITSTATUS(status);
}

TEST_AS_ROOT(a_terminal_outlives_the_mounts_of_the_daemon)
{
    char name[64];
    int reader, master;

    start_with_systemd();
    master = master_without_mounts();
    check(!ptsname_r(master, name, sizeof(name)));
    store(master, "pty-5-3");
    fake_systemd_hand_in(&systemd);
    fdstore_init();
    pty_open();
    check_str(output_tty(output), name);
    reader = open(output_tty(output), O_RDWR | O_NOCTTY | O_NONBLOCK);
    put("after", 5);
    expect(reader, "after");
    finish_with_systemd();
}

static bool alive(void *data, uint32_t domid)
{
    (void)data;
    return domid == 5;
}

TEST(a_terminal_that_cannot_be_opened_is_replaced)
{
    int master, reader, locked = 1;

    start_with_systemd();
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    check(!ioctl(master, TIOCSPTLCK, &locked));
    store(master, "pty-5-3");
    fake_systemd_hand_in(&systemd);
    fdstore_init();
    pty_open();
    /* Kept is the new one alone. */
    check_int(systemd.fds_n, 1);
    reader = open(output_tty(output), O_RDWR | O_NOCTTY | O_NONBLOCK);
    check(reader >= 0);
    put("after", 5);
    expect(reader, "after");
    finish_with_systemd();
}

TEST(those_of_the_dead_are_dropped)
{
    start_with_systemd();
    store(open("/dev/ptmx", O_RDWR | O_NOCTTY), "pty-4-0");
    store(open("/dev/ptmx", O_RDWR | O_NOCTTY), "pty-5-0");
    fake_systemd_hand_in(&systemd);
    fdstore_init();
    fdstore_sweep(alive, NULL);
    check_int(fdstore_take(4, 0), -1);
    check(fdstore_take(5, 0) >= 0);
    fake_systemd_receive(&systemd);
    check_int(systemd.fds_n, 1);
    finish_with_systemd();
}

TAP_MAIN()
