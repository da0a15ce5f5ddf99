/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/common/loop.h"
#include "clients.h"
#include "listener.h"
#include "policy.h"
#include "toolstack.h"

/* libxl leaves it where the device model's own will be, and removes it only
 * in that one's name: after a guest that is refused it would stay. Nothing
 * else listens there before this has quit. */
static void probe_remove_socket(void *data)
{
    const int *fd = data;
    struct sockaddr_un address = { .sun_family = AF_UNSPEC };
    socklen_t n = sizeof(address) - 1;
    struct stat st;

    if (!getsockname(*fd, (struct sockaddr *)&address, &n) &&
        address.sun_family == AF_UNIX && address.sun_path[0] == '/' &&
        !lstat(address.sun_path, &st) && S_ISSOCK(st.st_mode))
        unlink(address.sun_path);
}

int probe_run(int fd)
{
    static struct clients clients;
    static struct loop loop;
    struct probe probe = { .quit = probe_remove_socket, .data = &fd };
    struct listener listener = {
        .clients = &clients, .fd = fd, .policy = &policy_full,
        .service = &probe_service, .server = &probe,
    };

    clients.loop = &loop;
    clients_init(&clients);
    if (loop_init(&loop) || listener_init(&listener))
        return -1;
    alarm(PROBE_LIMIT_S);
    /* By which libxl ends it, also under nohup. */
    signal(SIGHUP, SIG_DFL);
    return loop_run(&loop);
}
