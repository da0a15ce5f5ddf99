/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "consoles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tools/common/log.h"

int consoles_hvc(char *const *entries, unsigned int entries_n, int n)
{
    char name[16];
    int hvc = 0;

    if (n == CONSOLE_LOG)
        return 0;
    snprintf(name, sizeof(name), "%d", n);
    for (unsigned int i = 0; i < entries_n; i++) {
        /* The primary console may be listed; it has its tty already. */
        if (!strcmp(entries[i], "0"))
            continue;
        if (++hvc >= CONSOLES_HVC_MAX)
            return -1;
        if (!strcmp(entries[i], name))
            return hvc;
    }
    return -1;
}

int consoles_open(int hvc)
{
    struct termios termios;
    char path[32];
    int fd;

    snprintf(path, sizeof(path), "/dev/hvc%d", hvc);
    fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    /* TCSANOW: what has come in already stays. */
    if (tcgetattr(fd, &termios) == 0) {
        cfmakeraw(&termios);
        tcsetattr(fd, TCSANOW, &termios);
    }
    return fd;
}

void consoles_open_serial(char *const *entries, unsigned int entries_n)
{
    for (int n = CONSOLE_SERIAL; n < CONSOLE_DISPLAY; n++) {
        int hvc = consoles_hvc(entries, entries_n, n);

        if (hvc < 0)
            return;
        if (consoles_open(hvc) < 0)
            log_error("console %d cannot be opened: %s", n, strerror(errno));
    }
}
