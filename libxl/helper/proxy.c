/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proxy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/common/log.h"

#define PROXY_NAME       "vchan-socket-proxy"
/* It holds nothing that takes time to give up. */
#define PROXY_END_MS     5000

bool proxy_is_ours(pid_t pid, uint32_t dm)
{
    char path[64], bytes[4096], domid[16];
    bool named = false, for_dm = false;
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, bytes, sizeof(bytes) - 1);
    close(fd);
    if (n <= 0)
        return false;
    bytes[n] = '\0';

    snprintf(domid, sizeof(domid), "%u", dm);
    for (char *arg = bytes; arg < bytes + n; arg += strlen(arg) + 1) {
        const char *slash = strrchr(arg, '/');

        /* Behind an interpreter's name where it is a script's. */
        named |= !strcmp(slash ? slash + 1 : arg, PROXY_NAME);
        for_dm |= !strcmp(arg, domid);
    }
    return named && for_dm;
}

pid_t proxy_find(uint32_t dm)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    pid_t r = 0;

    while (dir && !r && (entry = readdir(dir))) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        struct stat st;

        if (pid > 0 && !*end &&
            !fstatat(dirfd(dir), entry->d_name, &st, 0) &&
            st.st_uid == geteuid() && proxy_is_ours((pid_t)pid, dm))
            r = (pid_t)pid;
    }
    if (dir)
        closedir(dir);
    return r;
}

int proxy_end(pid_t pid, uint32_t dm)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd gone = { .fd = fd, .events = POLLIN };
    int r = 0;

    if (fd < 0)
        return errno == ESRCH ? 0 : -1;
    /* The pidfd pins the process that is now looked at. */
    if (proxy_is_ours(pid, dm)) {
        syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
        if (poll(&gone, 1, PROXY_END_MS) <= 0) {
            syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
            r = poll(&gone, 1, PROXY_END_MS) > 0 ? 0 : -1;
        }
    } else {
        log_warn("domain %u: process %d is not its %s, left alone", dm,
                 (int)pid, PROXY_NAME);
    }
    close(fd);
    return r;
}
