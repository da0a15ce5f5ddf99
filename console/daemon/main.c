/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenconsoled: serves the PV consoles of all domains.
 *
 * As a daemon it forks before it opens anything of Xen's; the parent waits
 * until the child serves, so that whoever started it reads errors on stderr
 * and in the exit code. privileges.c says which rights are kept.
 */
#include "console/output/fdstore.h"
#include "journal.h"
#include "tools/common/log.h"
#include "console/guest/options.h"
#include "privileges.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static struct server server;
static struct options options;
static int pid_fd = -1;

/* Whether it is this file that is at path. */
static bool pid_file_is_at(int fd, const char *path)
{
    struct stat ours, there;

    return !fstat(fd, &ours) && !lstat(path, &there) &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* Opens and locks the pid file; whoever holds the lock is the daemon. One
 * that ends may remove it between the two: then it is the next file's lock
 * that counts. */
static int pid_file_open(const char *path)
{
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0) {
            log_error("cannot open pid file %s: %s; --pid-file names "
                      "another", path, strerror(errno));
            return -1;
        }
        if (flock(fd, LOCK_EX | LOCK_NB)) {
            log_error("pid file %s is locked: another xenconsoled is "
                      "running; end that one first", path);
            close(fd);
            return -1;
        }
        if (pid_file_is_at(fd, path))
            return fd;
        close(fd);
    }
}

static int pid_file_write(int fd)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    if (!ftruncate(fd, 0) && write(fd, text, (size_t)n) == n)
        return 0;
    log_error("cannot write the pid file: %s", strerror(errno));
    return -1;
}

/* In the child, from here on in a session of its own: returns what is to
 * be closed when it serves. The parent ends here, with the exit code. */
static int background(void)
{
    int ready[2];
    pid_t pid;
    char byte;

    if (pipe2(ready, O_CLOEXEC) || (pid = fork()) < 0) {
        log_error("cannot become a daemon: %s", strerror(errno));
        exit(1);
    }
    if (pid) {
        close(ready[1]);
        exit(read(ready[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(ready[0]);
    setsid();
    /* Not a session's leader: no terminal becomes its controlling one. */
    pid = fork();
    if (pid)
        _exit(pid < 0);
    umask(027);
    if (chdir("/"))
        exit(1);
    return ready[1];
}

/* Tells the parent, and lets go of its terminal. */
static void ready_say(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    log_open("xenconsoled", LOG_TO_SYSLOG,
             options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN);
    for (int i = 0; i <= 2 && null >= 0; i++)
        dup2(null, i);
    if (null > 2)
        close(null);
    if (write(fd, "", 1) != 1)
        log_warn("the starting process is gone");
    close(fd);
}

/* Its unit does not try again after that (RestartPreventExitStatus=). */
#define EXIT_OTHER_XEN 78       /* sysexits.h, EX_CONFIG */

static int finish(void)
{
    int r = server.backend.stop && !server.failed ? 0 :
            server.other_xen ? EXIT_OTHER_XEN : 1;

    server_dispose(&server);
    if (pid_fd >= 0 && pid_file_is_at(pid_fd, options.pid_file))
        unlink(options.pid_file);
    return r;
}

static int run(int ready_fd)
{
    if ((pid_fd >= 0 && pid_file_write(pid_fd)) ||
        server_init(&server, &options))
        return finish();
    if (ready_fd >= 0)
        ready_say(ready_fd);
    server_run(&server, finish);
}

int main(int argc, char **argv)
{
    int ready_fd = -1;

    log_open("xenconsoled", LOG_TO_STDERR, LOG_LEVEL_INFO);
    journal_open();
    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_WRONG:
        return EINVAL;
    case OPTIONS_RUN:
        break;
    }
    if (options.verbose)
        log_open("xenconsoled", LOG_TO_STDERR, LOG_LEVEL_DEBUG);
    if (geteuid()) {
        log_error("only root can serve consoles; run it as root");
        return EPERM;
    }
    fdstore_init();
    privileges_raise_limits();
    if (!options.interactive) {
        pid_fd = pid_file_open(options.pid_file);
        if (pid_fd < 0)
            return 1;
        ready_fd = background();
    }
    return run(ready_fd);
}
