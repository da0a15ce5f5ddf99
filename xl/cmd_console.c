/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp console: a terminal on a console. Which terminal or stream that is
 * says xenconsoled, on a socket that only root reaches; no key of xenstore
 * is looked at, since a stubdomain or guest may have written it.
 */
#include "attach.h"
#include "consoled.h"
#include "domid.h"
#include "tools/common/log.h"
#include "xl_qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

/* Slaves of /dev/pts, by Linux's list of devices. */
#define PTS_MAJOR_MIN 136
#define PTS_MAJOR_MAX 143

struct target {
    const char *domain;
    const char *number;
    const char *socket;
    bool replace_escape;
};

static int usage_error(const char *what, const char *argument)
{
    log_error("console: %s%s%s; usage: xl-qmp console DOMAIN NUMBER "
              "[--replace-escape] [--socket=PATH]", what, *argument ? " " : "", argument);
    return XL_QMP_USAGE;
}

static int parse_arguments(struct target *target, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "--socket=", 9))
            target->socket = argv[i] + 9;
        else if (!strcmp(argv[i], "--replace-escape"))
            target->replace_escape = true;
        else if (*argv[i] == '-')
            return usage_error("unknown option", argv[i]);
        else if (!*argv[i] || target->number)
            return usage_error("what is", argv[i]);
        else if (target->domain)
            target->number = argv[i];
        else
            target->domain = argv[i];
    }
    if (!target->domain)
        return usage_error("no domain is given", "");
    if (!target->number)
        return usage_error("no console's number is given", "");
    if (strlen(target->number) > 3 ||
        target->number[strspn(target->number, "0123456789")])
        return usage_error("not a console's number:", target->number);
    return XL_QMP_OK;
}

/* True for a terminal of the daemon's: a slave of devpts, the daemon's or
 * root's. */
static bool is_daemons(int fd, uid_t daemon)
{
    struct stat st;

    return !fstat(fd, &st) && S_ISCHR(st.st_mode) &&
           major(st.st_rdev) >= PTS_MAJOR_MIN &&
           major(st.st_rdev) <= PTS_MAJOR_MAX && isatty(fd) &&
           (st.st_uid == 0 || st.st_uid == daemon);
}

/* Opens the terminal that the daemon named. -1: complained. */
static int tty_open(const char *path, uid_t daemon)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK |
                        O_CLOEXEC);
    struct termios raw;

    if (fd < 0) {
        log_error("%s: %m; xenconsoled names this terminal%s", path,
                  errno == EACCES ? ": run this as root" :
                  ": try again");
        return -1;
    }
    if (!is_daemons(fd, daemon) || tcgetattr(fd, &raw)) {
        log_error("%s: not a terminal of xenconsoled's; is /dev/pts the "
                  "one that it sees?", path);
        close(fd);
        return -1;
    }
    /* Else the guest would get back what it writes. */
    cfmakeraw(&raw);
    tcsetattr(fd, TCSANOW, &raw);
    return fd;
}

static int use(const struct target *target, int fd, const void *bytes,
               size_t n)
{
    enum attach_end end;

    if (isatty(STDIN_FILENO))
        log_info("console %s of %s; Ctrl-] detaches", target->number,
                 target->domain);
    end = attach_run(fd, bytes, n, target->replace_escape);
    switch (end) {
    case ATTACH_DETACHED:
        return XL_QMP_OK;
    case ATTACH_CONSOLE_ENDED:
        log_error("console %s of %s has ended: the guest closed it or is "
                  "gone, or xenconsoled was restarted; xl-qmp consoles "
                  "shows what there is", target->number, target->domain);
        break;
    case ATTACH_OUTPUT_FAILED:
        log_error("cannot write what the console says: %m");
        break;
    case ATTACH_FAILED:
        log_error("cannot use this terminal: %m");
        break;
    }
    return XL_QMP_CONNECTION;
}

static void ignore_line(char *line, void *data)
{
    (void)line;
    (void)data;
}

/* Asks for the console and uses what is answered. */
static int attach(const struct target *target, uint32_t domid,
                  struct consoled *consoled)
{
    static const char tty[] = "tty ";
    struct ucred peer = { .uid = 0 };
    socklen_t size = sizeof(peer);
    char request[64], text[PATH_MAX];
    const void *bytes;
    size_t n;
    int r, fd, rc;

    snprintf(request, sizeof(request), "attach %" PRIu32 " %s", domid,
             target->number);
    r = consoled_request(consoled, request, ignore_line, NULL, text,
                         sizeof(text));
    if (r == 1)
        log_error("console %s of %s: %s; xl-qmp consoles shows what there "
                  "is", target->number, target->domain, text);
    if (r)
        return XL_QMP_CONNECTION;
    fd = consoled_stream(consoled, &bytes, &n);
    if (!strcmp(text, "stream"))
        return use(target, fd, bytes, n);
    if (strncmp(text, tty, strlen(tty)) ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size)) {
        log_error("xenconsoled answers what this xl-qmp does not know; "
                  "install both from the same xenqmp");
        return XL_QMP_CONNECTION;
    }
    fd = tty_open(text + strlen(tty), peer.uid);
    if (fd < 0)
        return XL_QMP_CONNECTION;
    rc = use(target, fd, NULL, 0);
    close(fd);
    return rc;
}

int cmd_console(const struct options *options, int argc, char **argv)
{
    struct target target = { .socket = CONSOLED_SOCKET };
    struct host host = { .logger = options->logger };
    struct consoled consoled;
    uint32_t domid;
    int rc = parse_arguments(&target, argc, argv);

    if (rc)
        return rc;
    rc = XL_QMP_CONNECTION;
    if (!domid_find(&host, target.domain, &domid) &&
        !consoled_open(&consoled, target.socket, options->timeout_ms)) {
        rc = attach(&target, domid, &consoled);
        consoled_close(&consoled);
    }
    host_dispose(&host);
    return rc;
}
