/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sockets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/log.h"

static int complain(const struct helper_sockets *s, const char *path)
{
    log_error("domain %u: cannot listen at %s: %s", s->domid, path,
              strerror(errno));
    return -1;
}

/* Beside libxl's own, in the directory that it was built with. */
static int listen_beside(struct helper_sockets *s,
                         struct helper_socket *socket, const char *name)
{
    const char *slash = strrchr(s->toolstack_path, '/');
    char path[sizeof(socket->path)];
    int n = snprintf(path, sizeof(path), "%.*s/%s-%u",
                     (int)(slash - s->toolstack_path), s->toolstack_path,
                     name, s->guest);

    if (n < (int)sizeof(path))
        return helper_socket_listen(socket, path) ? complain(s, path) : 0;
    errno = ENAMETOOLONG;
    return complain(s, s->toolstack_path);
}

int sockets_listen_clients(struct helper_sockets *s)
{
    return listen_beside(s, &s->clients, "qmp-libxl");
}

int sockets_listen_toolstack(struct helper_sockets *s)
{
    return helper_socket_listen(&s->toolstack, s->toolstack_path) ?
           complain(s, s->toolstack_path) : 0;
}

void sockets_listen_lesser(struct helper_sockets *s)
{
    char path[sizeof(s->monitoring.path)];

    /* libxenstat of 4.17: xenstat_qmp.c, read_attributes_qdisk_dom(). */
    listen_beside(s, &s->xentop, "qmp-libxenstat");
    if (*s->config->wrong)
        log_error("domain %u: it starts without a monitoring socket: %s",
                  s->domid, s->config->wrong);
    if (!s->config->monitoring.set)
        return;
    snprintf(path, sizeof(path), "%s/monitor-%u", s->base, s->guest);
    if (helper_socket_listen_for(&s->monitoring, path,
                                 s->config->monitoring.group,
                                 s->config->monitoring.mode))
        complain(s, path);
}

static void pass(struct worker_config *config,
                 const struct helper_socket *socket, enum worker_use use,
                 const char *commands)
{
    if (socket->fd >= 0)
        config->sockets[config->sockets_n++] = (struct worker_socket){
            .fd = socket->fd, .use = use, .commands = commands,
        };
}

void sockets_pass(const struct helper_sockets *s,
                  struct worker_config *config)
{
    config->listen_fd = s->clients.fd;
    config->toolstack_fd = s->toolstack.fd;
    config->sockets_n = 0;
    pass(config, &s->xentop, WORKER_FOR_XENTOP, NULL);
    pass(config, &s->monitoring, WORKER_FOR_MONITORING,
         s->config->commands);
}

void sockets_close(struct helper_sockets *s)
{
    helper_socket_dispose(&s->clients);
    helper_socket_dispose(&s->toolstack);
    helper_socket_dispose(&s->xentop);
    helper_socket_dispose(&s->monitoring);
}
