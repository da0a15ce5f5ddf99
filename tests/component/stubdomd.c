/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stubdomd itself, as pid 1 of a namespace: what init has to do besides
 * its own work. xensim's xenstored is the stubdomain's; console 0 is a
 * file, and QEMU a script of the test's. It is root of nothing but its own
 * namespaces, where powering off ends these.
 */
#include "component.h"

#include <sched.h>
#include <sys/mount.h>

/* host_start() has run: the rest of /run is the test's. */
#define QEMU    "/usr/libexec/xen-qemu-system-i386"
#define CONSOLE "/dev/hvc0"

static pid_t pid_1, outside;

static void file_write(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    check(file && fputs(text, file) >= 0 && !fclose(file));
    check_int(chmod(path, mode), 0);
}

static void stubdomain_make(const char *qemu)
{
    start_host();
    check(!mount("xensim", "/dev", "tmpfs", 0, "mode=755"));
    check(!mount("xensim", "/usr/libexec", "tmpfs", 0, "mode=755"));
    file_write(QEMU, qemu, 0755);
    file_write(CONSOLE, "", 0600);
    file_write("/dev/null", "", 0600);
    /* Its own paths are dom0's for this xenstored, which takes whoever
     * comes by the socket for dom0. */
    guest_write(0, "7", "/local/domain/0/target");
    guest_write(0, "/vm/u", "/local/domain/7/vm");
    guest_write(0, "-M", "/vm/u/image/dm-argv/001");
}

/* All ids but root's are nobody's. */
static void namespaces_enter(void)
{
    static const char *const files[] = { "setgroups", "uid_map", "gid_map" };
    static const char *const texts[] = { "deny", "0 0 1", "0 0 1" };

    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID))
        _exit(1);
    for (int i = 0; i < 3; i++) {
        char path[64];
        int fd;

        snprintf(path, sizeof(path), "/proc/self/%s", files[i]);
        fd = open(path, O_WRONLY);
        if (fd < 0 || write(fd, texts[i], strlen(texts[i])) < 0)
            _exit(2);
        close(fd);
    }
}

/* Its /run will be empty, and xenstored's socket is there. */
static void stubdomd_exec(void)
{
    char path[64];
    int run = open(host_dir(), O_PATH);

    snprintf(path, sizeof(path), "/proc/self/fd/%d/socket", run);
    setenv("XENSTORED_PATH", path, 1);
    /* Until it has console 0. */
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    execl(in_build("bin/stubdomd"), "/init", (char *)NULL);
    _exit(3);
}

static bool has_child(void *data)
{
    char path[64];

    (void)data;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)outside,
             (int)outside);
    pid_1 = atoi(file_text(path));
    return pid_1 > 1;
}

static void stubdomd_start(void)
{
    fflush(stdout);
    outside = fork();
    if (!outside) {
        int status;
        pid_t pid;

        namespaces_enter();
        pid = fork();
        if (!pid)
            stubdomd_exec();
        waitpid(pid, &status, 0);
        _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
              WEXITSTATUS(status));
    }
    check(host_wait(has_child, NULL));
}

/* Powering off a namespace is a SIGINT to who waits for its pid 1. */
static void check_powers_off(void)
{
    int status;

    check_int(waitpid(outside, &status, 0), outside);
    check(WIFEXITED(status));
    check_int(WEXITSTATUS(status), 128 + SIGINT);
}

static bool console_has(void *data)
{
    return strstr(file_text(CONSOLE), data);
}

/* Of pid 1; zombies count. The last one's pid goes to *data. */
static int children(pid_t *last_r)
{
    char path[64], *end;
    const char *at;
    int n = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid_1,
             (int)pid_1);
    at = file_text(path);
    for (long pid; (pid = strtol(at, &end, 10)), end != at; at = end, n++)
        *last_r = (pid_t)pid;
    return n;
}

static bool has_only_qemu(void *data)
{
    return children(data) == 1;
}

/* Some die before who started them, some after; all before QEMU. */
TEST(children_of_nobody_are_reaped)
{
    pid_t qemu;

    stubdomain_make("#!/bin/sh\n"
                    "i=0\n"
                    "while [ $i -lt 20 ]; do\n"
                    "    i=$((i + 1))\n"
                    "    (sh -c 'exit 3' &)\n"
                    "    (exec sh -c 'sh -c \"kill -9 \\$\\$\" & exit 4')\n"
                    "done\n"
                    "echo all made\n"
                    "kill -STOP $$\n");
    stubdomd_start();
    if (!host_wait(console_has, (void *)"all made"))
        tap_fail("%s", file_text(CONSOLE));
    if (!host_wait(has_only_qemu, &qemu))
        tap_fail("pid 1 has %d children", children(&qemu));
    check(!console_has((void *)"QEMU ended"));
    check(!kill(qemu, SIGKILL));
    check_powers_off();
    check(console_has((void *)"stubdomd: QEMU was killed by signal 9"));
}

TEST(qemus_last_words_and_status_are_in_the_log)
{
    stubdomain_make("#!/bin/sh\n"
                    "echo qemu: $*: invalid option | cut -c 1-30 >&2\n"
                    "exit 5\n");
    stubdomd_start();
    check_powers_off();
    check(console_has((void *)"qemu: -M -uuid"));
    check(console_has((void *)"stubdomd: QEMU ended with status 5\n"));
}

TAP_MAIN()
