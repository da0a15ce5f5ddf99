/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A service manager as daemons see it: the notify socket, and the file
 * descriptor store behind it.
 */
#ifndef XENQMP_TESTS_UNIT_FAKE_SYSTEMD_H
#define XENQMP_TESTS_UNIT_FAKE_SYSTEMD_H

#include <stddef.h>

#define FAKE_SYSTEMD_FDS 16

struct fake_systemd {
    int socket;
    char path[64];
    char text[4096];            /* all that was said, a line each */
    struct { int fd; char name[64]; } fds[FAKE_SYSTEMD_FDS];
    size_t fds_n;
};

/* Binds the socket in the folder and names it in the environment. */
void fake_systemd_start(struct fake_systemd *s, const char *folder);
/* Reads what was sent. */
void fake_systemd_receive(struct fake_systemd *s);
/* Hands what is stored to this process, as if it were just started. */
void fake_systemd_hand_in(struct fake_systemd *s);
void fake_systemd_stop(struct fake_systemd *s);

#endif
