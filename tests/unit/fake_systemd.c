/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_systemd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

void fake_systemd_start(struct fake_systemd *s, const char *folder)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    *s = (struct fake_systemd){ .socket = -1 };
    snprintf(s->path, sizeof(s->path), "%s/notify", folder);
    strcpy(address.sun_path, s->path);
    s->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                       0);
    if (bind(s->socket, (struct sockaddr *)&address, sizeof(address)))
        abort();
    setenv("NOTIFY_SOCKET", s->path, 1);
}

static void name_of(const char *text, char *name, size_t size)
{
    const char *at = strstr(text, "FDNAME=");

    name[0] = '\0';
    if (at)
        snprintf(name, size, "%.*s", (int)strcspn(at + 7, "\n"), at + 7);
}

static void fds_remove(struct fake_systemd *s, const char *name)
{
    for (size_t i = s->fds_n; i-- > 0;)
        if (!strcmp(s->fds[i].name, name)) {
            close(s->fds[i].fd);
            s->fds[i] = s->fds[--s->fds_n];
        }
}

/* One datagram; false: there is none. */
static int receive_one(struct fake_systemd *s)
{
    char text[512], control[CMSG_SPACE(sizeof(int))], name[64];
    struct iovec iov = { text, sizeof(text) - 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof(control) };
    ssize_t n = recvmsg(s->socket, &msg, MSG_CMSG_CLOEXEC);
    struct cmsghdr *cmsg = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;

    if (n < 0)
        return 0;
    text[n] = '\0';
    strncat(s->text, text, sizeof(s->text) - strlen(s->text) - 2);
    strcat(s->text, "\n");
    name_of(text, name, sizeof(name));
    if (strstr(text, "FDSTOREREMOVE=1")) {
        fds_remove(s, name);
    } else if (cmsg && strstr(text, "FDSTORE=1") &&
               s->fds_n < FAKE_SYSTEMD_FDS) {
        memcpy(&s->fds[s->fds_n].fd, CMSG_DATA(cmsg), sizeof(int));
        strcpy(s->fds[s->fds_n++].name, name);
    }
    return 1;
}

void fake_systemd_receive(struct fake_systemd *s)
{
    while (receive_one(s))
        ;
}

void fake_systemd_hand_in(struct fake_systemd *s)
{
    char text[32], names[1024] = "";

    fake_systemd_receive(s);
    for (size_t i = 0; i < s->fds_n; i++) {
        /* Above the places that they are to have. */
        int fd = fcntl(s->fds[i].fd, F_DUPFD, 100);

        close(s->fds[i].fd);
        s->fds[i].fd = fd;
    }
    for (size_t i = 0; i < s->fds_n; i++) {
        if (dup2(s->fds[i].fd, SD_LISTEN_FDS_START + (int)i) < 0)
            abort();
        if (i)
            strcat(names, ":");
        strcat(names, s->fds[i].name);
    }
    snprintf(text, sizeof(text), "%d", (int)s->fds_n);
    setenv("LISTEN_FDS", text, 1);
    snprintf(text, sizeof(text), "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDNAMES", names, 1);
}

void fake_systemd_stop(struct fake_systemd *s)
{
    for (size_t i = 0; i < s->fds_n; i++)
        close(s->fds[i].fd);
    close(s->socket);
    unlink(s->path);
}
