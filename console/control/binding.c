/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "binding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Connections that may wait to be accepted: a few clients, and each guest's
 * helper at once, which looks whether somebody listens. */
#define BINDING_BACKLOG 128

int binding_address(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(address->sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address->sun_path, path);
    return 0;
}

static int stale_remove(const char *path)
{
    struct stat st;

    if (lstat(path, &st))
        return errno == ENOENT ? 0 : -1;
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return -1;
    }
    return unlink(path);
}

/* The name is there, as nobody but root's so far. */
static int name_finish(struct binding *b)
{
    const char *path = b->address.sun_path;
    struct stat st;

    if ((b->uid && lchown(path, b->uid, (gid_t)-1)) || lstat(path, &st) ||
        listen(b->fd, BINDING_BACKLOG))
        return -1;
    b->dev = st.st_dev;
    b->ino = st.st_ino;
    return 0;
}

static void make_run(struct job *job)
{
    struct binding *b = (struct binding *)job;
    const char *path = b->address.sun_path;
    bool made = false;

    b->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* bind() gives the name the socket's mode: umask() is all threads'. */
    if (b->fd >= 0 && !fchmod(b->fd, 0600) && !stale_remove(path) &&
        !bind(b->fd, (struct sockaddr *)&b->address, sizeof(b->address))) {
        made = true;
        if (!name_finish(b))
            return;
    }
    b->error = errno;
    if (made)
        unlink(path);
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

static void remove_run(struct job *job)
{
    struct binding *b = (struct binding *)job;
    const char *path = b->address.sun_path;
    struct stat st;

    if (b->fd < 0)
        return;
    /* Before the close: then the number may be a later file's. */
    if (!lstat(path, &st) && st.st_dev == b->dev && st.st_ino == b->ino)
        unlink(path);
    close(b->fd);
}

static void binding_free(struct binding *b)
{
    lane_close(b->lane);
    free(b);
}

static void remove_done(struct job *job)
{
    binding_free((struct binding *)job);
}

static void job_submit(struct binding *b, void (*run)(struct job *),
                       void (*done)(struct job *))
{
    b->busy = true;
    b->job.run = run;
    b->job.done = done;
    lane_submit(b->lane, &b->job);
}

static void make_done(struct job *job)
{
    struct binding *b = (struct binding *)job;

    b->busy = false;
    if (b->fn)
        b->fn(b->data, b->error);       /* must be last */
    else
        job_submit(b, remove_run, remove_done);
}

struct binding *binding_make(struct lanes *lanes, const char *path,
                             uid_t uid, binding_fn *fn, void *data)
{
    struct binding *b = calloc(1, sizeof(*b));

    if (!b)
        return NULL;
    if (binding_address(&b->address, path))
        goto out;
    b->fd = -1;
    b->uid = uid;
    b->fn = fn;
    b->data = data;
    b->lane = lane_open(lanes, path);
    if (!b->lane)
        goto out;
    job_submit(b, make_run, make_done);
    return b;

out:
    free(b);
    return NULL;
}

void binding_remove(struct binding *b)
{
    if (!b)
        return;
    b->fn = NULL;
    if (!b->busy)
        job_submit(b, remove_run, remove_done);
}
