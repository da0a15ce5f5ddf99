/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fdstore.h"

#include "tools/common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

struct kept {
    int fd;                     /* -1: taken */
    uint32_t domid;
    unsigned int n;
};

static struct kept *kept;
static size_t kept_n;
static bool frozen;

static void name_remove(const char *name)
{
    if (!frozen)
        sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

static void name_print(char *text, size_t size, uint32_t domid,
                       unsigned int n)
{
    snprintf(text, size, "pty-%" PRIu32 "-%u", domid, n);
}

/* True if it is what its name says. */
static bool kept_check(int fd, const char *name, struct kept *r)
{
    char expected[32];
    unsigned int pts;

    if (sscanf(name, "pty-%" SCNu32 "-%u", &r->domid, &r->n) != 2)
        return false;
    name_print(expected, sizeof(expected), r->domid, r->n);
    if (strcmp(name, expected) || ioctl(fd, TIOCGPTN, &pts) ||
        fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) ||
        fcntl(fd, F_SETFD, FD_CLOEXEC))
        return false;
    r->fd = fd;
    return true;
}

void fdstore_init(void)
{
    char **names = NULL;
    int n = sd_listen_fds_with_names(1, &names);

    if (n <= 0)
        return;
    kept = calloc((size_t)n, sizeof(*kept));
    for (int i = 0; i < n; i++) {
        int fd = SD_LISTEN_FDS_START + i;

        if (kept && names && kept_check(fd, names[i], &kept[kept_n])) {
            kept_n++;
            continue;
        }
        log_warn("the service manager handed in '%s', which is not a "
                 "console's terminal; closed", names ? names[i] : "?");
        if (names)
            name_remove(names[i]);
        close(fd);
    }
    for (int i = 0; names && i < n; i++)
        free(names[i]);
    free(names);
}

int fdstore_take(uint32_t domid, unsigned int n)
{
    int fd = -1;

    for (size_t i = 0; i < kept_n && fd < 0; i++)
        if (kept[i].domid == domid && kept[i].n == n) {
            fd = kept[i].fd;
            kept[i].fd = -1;
        }
    return fd;
}

void fdstore_keep(uint32_t domid, unsigned int n, int fd)
{
    char name[32], text[96];
    int r;

    name_print(name, sizeof(name), domid, n);
    /* FDPOLL=0: else a master that reports a hang-up is dropped, as it does
     * while nobody has the terminal open and no daemon runs. */
    snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
    r = sd_pid_notify_with_fds(0, 0, text, &fd, 1);
    if (r < 0)
        log_warn("domain %" PRIu32 " console %u: the service manager does "
                 "not keep its terminal: %s", domid, n, strerror(-r));
}

void fdstore_drop(uint32_t domid, unsigned int n)
{
    char name[32];

    name_print(name, sizeof(name), domid, n);
    name_remove(name);
}

void fdstore_sweep(bool (*alive)(void *data, uint32_t domid), void *data)
{
    for (size_t i = 0; i < kept_n; i++)
        if (kept[i].fd >= 0 && !alive(data, kept[i].domid)) {
            close(kept[i].fd);
            kept[i].fd = -1;
            fdstore_drop(kept[i].domid, kept[i].n);
        }
}

bool fdstore_outlives(bool restarts)
{
    /* The second came into being together with that setting. */
    return getenv("NOTIFY_SOCKET") && (restarts || getenv("FDSTORE"));
}

void fdstore_freeze(void)
{
    frozen = true;
}
