/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#include "guest.h"
#include "xensim.h"

/* Xen's number of the VIRQ for its log. */
#define VIRQ_CON_RING 8

#define PROGRAMS_MAX 64

static const char dir[] = "/run/xensim";
static char preload_path[PATH_MAX];
static pid_t programs[PROGRAMS_MAX];
static size_t programs_n;

const char *host_dir(void)
{
    return dir;
}

static void file_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        err(1, "%s", path);
    close(fd);
}

/* An own /run and /var/log; without root's rights, as root of an own user
 * namespace. */
static void namespace_enter(void)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (unshare(CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)))
        err(1, "xensim: unshare");
    if (uid) {
        file_write("/proc/self/setgroups", "deny");
        snprintf(map, sizeof(map), "0 %u 1", uid);
        file_write("/proc/self/uid_map", map);
        snprintf(map, sizeof(map), "0 %u 1", gid);
        file_write("/proc/self/gid_map", map);
    }
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("xensim", "/run", "tmpfs", 0, "mode=755") ||
        mount("xensim", "/var/log", "tmpfs", 0, "mode=755") ||
        mkdir("/run/xen", 0755) || mkdir("/var/log/xen", 0755) ||
        mkdir("/var/log/xen/console", 0755) || mkdir(dir, 0700))
        err(1, "xensim: an own /run");
}

pid_t host_spawn(const char *const argv[])
{
    pid_t pid = fork();

    if (pid < 0 || programs_n == PROGRAMS_MAX)
        err(1, "xensim: cannot start %s", argv[0]);
    if (pid) {
        programs[programs_n++] = pid;
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("LD_PRELOAD", preload_path, 1);
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(open("/run/xensim/log", O_WRONLY | O_CREAT | O_APPEND, 0600),
         STDERR_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    execv(argv[0], (char *const *)argv);
    err(1, "%s", argv[0]);
}

/* What programs have said, which nobody can look up later. */
static const char *log_read(void)
{
    static char text[4096];
    int fd = open("/run/xensim/log", O_RDONLY);

    if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
        err(1, "/run/xensim/log");
    close(fd);
    return text;
}

static bool store_is_up(void *data)
{
    (void)data;
    guest_store = xs_open(0);
    return guest_store;
}

/* oxenstored's place of Linux's files, and its socket, are not the
 * environment's to say. */
static void oxenstored_start(const char *xenstored)
{
    static const char config[] = "/run/xensim/oxenstored.conf";
    const char *const argv[] = { xenstored, "--no-fork", "--config-file",
                                 config, NULL };

    close(open(config, O_WRONLY | O_CREAT, 0600));
    file_write(config, "xenstored-kva = /proc/xen/xsd_kva\n"
                       "xenstored-port = /proc/xen/xsd_port\n"
                       "persistent = false\n"
                       "quota-activate = false\n");
    setenv("XENSTORED_PATH", "/run/xenstored/socket", 1);
    host_spawn(argv);
}

void host_start(const char *preload, const char *xenstored)
{
    const char *const argv[] = { xenstored, "-N", "-I", NULL };

    if (!realpath(preload, preload_path))
        err(1, "%s", preload);
    namespace_enter();
    if (xensim_create(dir))
        err(1, "xensim: %s", dir);
    setenv("XENSTORED_RUNDIR", dir, 1);
    setenv("XENSTORED_ROOTDIR", dir, 1);
    setenv("XENSTORED_PATH", "/run/xensim/socket", 1);
    if (strstr(xenstored, "oxenstored"))
        oxenstored_start(xenstored);
    else
        host_spawn(argv);
    if (!host_wait(store_is_up, NULL))
        errx(1, "xensim: xenstored does not start: %s", log_read());
}

void host_end(pid_t pid)
{
    for (size_t i = 0; i < programs_n; i++)
        if (programs[i] == pid) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            programs[i] = programs[--programs_n];
        }
}

pid_t host_store(void)
{
    return programs[0];
}

void host_end_store(void)
{
    host_end(host_store());
}

void host_stop(void)
{
    if (guest_store)
        xs_close(guest_store);
    guest_store = NULL;
    while (programs_n)
        host_end(programs[programs_n - 1]);
}

void host_xen_log(const char *text)
{
    size_t n = strlen(text);

    if (n > XENSIM_LOG_SIZE - xensim->log_n)
        errx(1, "xensim: Xen's log is full");
    memcpy(xensim->log + xensim->log_n, text, n);
    xensim->log_n += (uint32_t)n;
    xensim_virq_raise(VIRQ_CON_RING);
}

bool host_wait(bool (*fn)(void *data), void *data)
{
    const struct timespec ms = { .tv_nsec = 1000000 };
    struct timespec now, start;

    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        if (fn(data))
            return true;
        nanosleep(&ms, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - start.tv_sec) * 1000 < HOST_WAIT_MS);
    return false;
}

static bool file_exists(void *data)
{
    return !access(data, F_OK);
}

bool host_wait_file(const char *path)
{
    return host_wait(file_exists, (void *)(uintptr_t)path);
}
