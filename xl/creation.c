/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "creation.h"

#include "tools/common/log.h"
#include "tools/common/stubdom_log.h"
#include "xl_qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* How often the log is looked at; a person waits for the answer. */
#ifndef LOOK_MS
#define LOOK_MS 200
#endif

struct creation {
    const char *name;
    char log[PATH_MAX];
    struct stat before;         /* of the log; st_ino 0: there was none */
    struct host host;
    pid_t xl;
    int xl_fd;
    bool made;                  /* the guest was seen running */
};

typedef bool log_fn(int fd, char *text_r, size_t size);

/* What fn finds in the log of this creation, for which libxl begins a new
 * file. */
static bool log_says(struct creation *creation, log_fn *fn, char *text_r,
                     size_t size)
{
    struct stat st;
    int fd = open(creation->log, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool says = fd >= 0 && !fstat(fd, &st) &&
                st.st_ino != creation->before.st_ino &&
                fn(fd, text_r, size);

    if (fd >= 0)
        close(fd);
    return says;
}

/* --- xl ------------------------------------------------------------------ */

static pid_t start(char **args)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    setenv(STUBDOM_LOG_WATCHED, "1", 1);
    execvp(args[0], args);
    log_error("create: cannot start xl: %m; install Xen's tools "
              "(Debian: xen-utils-common) and run this as root");
    _exit(XL_QMP_CONNECTION);
}

/* As a shell has it. */
static int wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return XL_QMP_CONNECTION;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
           WEXITSTATUS(status);
}

/* --- Looking after it ---------------------------------------------------- */

/* The guest while it is being made: xl unpauses it at the end. */
static bool is_being_made(struct creation *creation, uint32_t *domid_r)
{
    uint32_t stubdom;
    enum stubdom_state state;

    if (host_find(&creation->host, creation->name, domid_r) != HOST_FOUND)
        return false;
    state = host_state(&creation->host, *domid_r);
    creation->made = creation->made || state == STUBDOM_RUNS;
    return state == STUBDOM_PAUSED &&
           host_stubdom(&creation->host, *domid_r, &stubdom);
}

static int give_up(struct creation *creation, uint32_t domid,
                   const char *what, const char *why)
{
    char number[16];
    char *args[] = { (char *)"xl", (char *)"destroy", number, NULL };
    pid_t destroy;

    kill(creation->xl, SIGTERM);
    wait_for(creation->xl);
    log_error("create: %s: %s: %s; all of it is in %s", creation->name, what,
              why, creation->log);
    snprintf(number, sizeof(number), "%u", domid);
    destroy = start(args);
    if (destroy < 0 || wait_for(destroy))
        log_error("create: %s is left behind; end it with xl destroy %s",
                  creation->name, number);
    return XL_QMP_CONNECTION;
}

/* What failed and why; NULL: nothing has. */
static const char *failure_of(struct creation *creation, char *why_r,
                              size_t size)
{
    if (log_says(creation, stubdom_log_failure, why_r, size))
        return "its QEMU does not run";
    if (log_says(creation, stubdom_log_pci_failure, why_r, size))
        return "its PCI devices do not come";
    return NULL;
}

/* Until xl has ended or has to be. True: *code_r is how all ends. */
static bool look_after(struct creation *creation, int *code_r)
{
    struct pollfd ready = { .fd = creation->xl_fd, .events = POLLIN };
    const char *what;
    char why[512];
    uint32_t domid;

    while (poll(&ready, 1, LOOK_MS) == 0) {
        what = is_being_made(creation, &domid) ?
               failure_of(creation, why, sizeof(why)) : NULL;
        if (!what)
            continue;
        *code_r = give_up(creation, domid, what, why);
        return true;
    }
    return false;
}

/* xl has ended by itself, and not well, before the guest ran. If its last
 * line is that the stubdomain's startup timed out, the user wants to know how
 * far that came: a host that is busy with other things may need longer than
 * libxl waits. */
static void say_how_far(struct creation *creation)
{
    char text[512];
    const char *what = failure_of(creation, text, sizeof(text));

    if (what)
        log_error("create: %s: %s: %s; all of it is in %s", creation->name,
                  what, text, creation->log);
    else if (log_says(creation, stubdom_log_last, text, sizeof(text)))
        log_error("create: %s: xl gave up; the last that its stubdomain "
                  "said is \"%s\"; all of it is in %s", creation->name, text,
                  creation->log);
}

int creation_run(char **args, const char *name)
{
    struct creation creation = { .name = name, .xl_fd = -1 };
    uint32_t domid;
    int code = 0;
    /* xl refuses a name that is taken, and it isn't ours to destroy; a
     * number is another's domid. */
    bool watch = name && !strchr(name, '/') &&
                 name[strspn(name, "0123456789")] &&
                 host_find(&creation.host, name, &domid) == HOST_NO_DOMAIN;

    snprintf(creation.log, sizeof(creation.log),
             CREATION_LOG_DIR "/qemu-dm-%s.log", name ? name : "");
    if (stat(creation.log, &creation.before))
        creation.before.st_ino = 0;
    /* A terminal's are for xl, which ends by them, and so do we. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    creation.xl = start(args);
    if (creation.xl < 0) {
        log_error("create: cannot start xl: %m");
        code = XL_QMP_CONNECTION;
        goto out;
    }
    if (watch)
        creation.xl_fd = pidfd_open(creation.xl, 0);
    if (creation.xl_fd < 0 || !look_after(&creation, &code)) {
        code = wait_for(creation.xl);
        if (creation.xl_fd >= 0 && !creation.made && code && code < 128)
            say_how_far(&creation);
    }
out:
    if (creation.xl_fd >= 0)
        close(creation.xl_fd);
    host_dispose(&creation.host);
    return code;
}
