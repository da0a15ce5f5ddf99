/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "creation.h"

#include "log.h"
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
/* The end of a log, with all that a kernel says when it panics. */
#define LOG_TAIL 65536

struct creation {
    const char *name;
    char log[PATH_MAX];
    struct stat before;         /* of the log; st_ino 0: there was none */
    struct host host;
    pid_t xl;
    int xl_fd;
};

/* --- The log ------------------------------------------------------------- */

/* The next line, in place, without its end; NULL: there is no more. */
static char *line_next(char **text)
{
    char *line = *text, *end;

    if (!line || !*line)
        return NULL;
    end = strchr(line, '\n');
    *text = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    line[strcspn(line, "\r")] = '\0';
    return line;
}

/* "[    1.234567] " goes before what a kernel says. */
static bool is_kernels(const char *line)
{
    size_t n = *line == '[' ? strspn(line + 1, " 0123456789.") : 0;

    return n && line[n + 1] == ']';
}

bool creation_failure(char *log, size_t n, char *why_r, size_t size)
{
    static const char panic[] = "Kernel panic - not syncing: ";
    static const char ours[] = "stubdomd: ";
    const char *said = NULL, *ended = NULL, *panicked = NULL;
    char *line;

    log[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (!log[i])
            log[i] = '?';
    while ((line = line_next(&log))) {
        bool is_ours = !strncmp(line, ours, strlen(ours));
        const char *at = strstr(line, panic);

        if (is_ours && (strstr(line, "QEMU ended with") ||
                        strstr(line, "QEMU was killed") ||
                        strstr(line, "powering off")))
            ended = ended ? ended : line + strlen(ours);
        else if (is_kernels(line) && at)
            panicked = panicked ? panicked : at + strlen(panic);
        else if (*line && !ended && !is_kernels(line))
            said = is_ours ? line + strlen(ours) : line;
    }
    if (panicked && !ended)
        snprintf(why_r, size, "the stubdomain's kernel panicked: %s",
                 panicked);
    else if (ended)
        snprintf(why_r, size, "%s%s%s%s", ended, said ? " (" : "",
                 said ? said : "", said ? ")" : "");
    log_sanitise(why_r, strlen(why_r));
    return panicked || ended;
}

/* That of this creation: libxl begins a new file. */
static bool log_says(struct creation *creation, char *why_r, size_t size)
{
    static char text[LOG_TAIL + 1];
    struct stat st;
    ssize_t n = -1;
    int fd = open(creation->log, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0 && !fstat(fd, &st) &&
        st.st_ino != creation->before.st_ino) {
        off_t from = st.st_size > LOG_TAIL ? st.st_size - LOG_TAIL : 0;

        n = pread(fd, text, LOG_TAIL, from);
    }
    if (fd >= 0)
        close(fd);
    return n > 0 && creation_failure(text, (size_t)n, why_r, size);
}

/* --- xl ------------------------------------------------------------------ */

static pid_t start(char **args)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
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

    return host_find(&creation->host, creation->name, domid_r) ==
           HOST_FOUND &&
           host_is_paused(&creation->host, *domid_r) &&
           host_stubdom(&creation->host, *domid_r, &stubdom);
}

static int give_up(struct creation *creation, uint32_t domid,
                   const char *why)
{
    char number[16];
    char *args[] = { (char *)"xl", (char *)"destroy", number, NULL };
    pid_t destroy;

    kill(creation->xl, SIGTERM);
    wait_for(creation->xl);
    log_error("create: %s: its QEMU does not run: %s; all of it is in %s",
              creation->name, why, creation->log);
    snprintf(number, sizeof(number), "%u", domid);
    destroy = start(args);
    if (destroy < 0 || wait_for(destroy))
        log_error("create: %s is left behind; end it with xl destroy %s",
                  creation->name, number);
    return XL_QMP_CONNECTION;
}

/* Until xl has ended or has to be. True: *code_r is how all ends. */
static bool look_after(struct creation *creation, int *code_r)
{
    struct pollfd ready = { .fd = creation->xl_fd, .events = POLLIN };
    char why[512];
    uint32_t domid;

    while (poll(&ready, 1, LOOK_MS) == 0) {
        if (!is_being_made(creation, &domid) ||
            !log_says(creation, why, sizeof(why)))
            continue;
        *code_r = give_up(creation, domid, why);
        return true;
    }
    return false;
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
    if (creation.xl_fd < 0 || !look_after(&creation, &code))
        code = wait_for(creation.xl);
out:
    if (creation.xl_fd >= 0)
        close(creation.xl_fd);
    host_dispose(&creation.host);
    return code;
}
