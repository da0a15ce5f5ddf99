/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state of a device model that libxl saves itself: it comes by console
 * 1 of the stubdomain, QMP by console 3.
 *
 * Neither of the two waits for the other, so QEMU's reply may be here
 * before its state.  But that has left the stubdomain by then, which has
 * said how long it is, and its CRC-32.  What a save that failed has left
 * behind, in the ring or in xenconsoled, comes before it: so the last
 * bytes count, and they count when length and CRC-32 are right.
 */
#include "libxl_osdeps.h" /* must come before any other headers */

#include <sys/un.h>

#include "libxl_internal.h"

/* QEMU's states have some ten KB. */
#define STATE_MAX MB(32)
/* Seconds, after QEMU's reply. */
#define STATE_TIMEOUT 30

const char *libxl__stubdom_save_path(libxl__gc *gc, uint32_t guest_domid)
{
    return GCSPRINTF("%s/qemu-state-%u", libxl__run_dir_path(),
                     guest_domid);
}

void libxl__stubdom_save_init(libxl__stubdom_save *ss)
{
    ss->cfd = NULL;
    libxl__ev_fd_init(&ss->efd);
    libxl__ev_time_init(&ss->timeout);
    ss->rc = 0;
    ss->buf = NULL;
    ss->size = ss->used = ss->begin = 0;
    ss->length = 0;
    ss->all = ss->before = 0;
}

void libxl__stubdom_save_dispose(libxl__gc *gc, libxl__stubdom_save *ss)
{
    if (!libxl__stubdom_save_inuse(ss))
        return;

    libxl__ev_time_deregister(gc, &ss->timeout);
    libxl__ev_fd_deregister(gc, &ss->efd);
    libxl__carefd_close(ss->cfd);
    free(ss->buf);
    libxl__stubdom_save_init(ss);
}

static void save_done(libxl__egc *egc, libxl__stubdom_save *ss, int rc)
{
    EGC_GC;

    libxl__stubdom_save_dispose(gc, ss);
    ss->callback(egc, ss, rc); /* must be last */
}

/* Whether the last bytes are the state; it begins with them then. */
static bool state_is_here(libxl__stubdom_save *ss)
{
    size_t begin;

    if (ss->used < ss->length)
        return false;

    begin = ss->used - ss->length;
    ss->before = libxl__crc32_sum(ss->before, ss->buf + ss->begin,
                                  begin - ss->begin);
    ss->begin = begin;
    return libxl__crc32_last(ss->all, ss->before,
                             ss->length) == ss->crc32;
}

static int state_write(libxl__gc *gc, libxl__stubdom_save *ss)
{
    int fd, rc;

    fd = open(ss->filename, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) {
        LOGED(ERROR, ss->domid, "cannot open %s", ss->filename);
        return ERROR_FAIL;
    }
    rc = libxl_write_exactly(CTX, fd, ss->buf + ss->begin, ss->length,
                             ss->filename, "state of the device model") ?
        ERROR_FAIL : 0;
    if (close(fd) && !rc) {
        LOGED(ERROR, ss->domid, "cannot write %s", ss->filename);
        rc = ERROR_FAIL;
    }
    return rc;
}

/* Calls back if there is all that there will be; must be last. */
static void state_check(libxl__egc *egc, libxl__stubdom_save *ss)
{
    EGC_GC;

    if (!ss->length)
        return;
    if (ss->rc)
        save_done(egc, ss, ss->rc);
    else if (state_is_here(ss))
        save_done(egc, ss, state_write(gc, ss));
}

static int state_read(libxl__gc *gc, libxl__stubdom_save *ss, int fd)
{
    ssize_t r;

    if (ss->used == ss->size) {
        if (ss->size == STATE_MAX) {
            LOGD(ERROR, ss->domid, "The stubdomain sends more than %lld "
                 "bytes of state", (long long)STATE_MAX);
            return ERROR_BUFFERFULL;
        }
        ss->size = ss->size ? ss->size * 2 : 65536;
        ss->buf = libxl__realloc(NOGC, ss->buf, ss->size);
    }
    do {
        r = read(fd, ss->buf + ss->used, ss->size - ss->used);
    } while (r < 0 && errno == EINTR);
    if (r < 0 && errno == EWOULDBLOCK)
        return 0;
    if (r <= 0) {
        if (r < 0)
            LOGED(ERROR, ss->domid, "cannot read the stubdomain's state");
        else
            LOGD(ERROR, ss->domid, "The stubdomain's console 1 is gone");
        return ERROR_FAIL;
    }
    ss->all = libxl__crc32_sum(ss->all, ss->buf + ss->used, r);
    ss->used += r;
    return 0;
}

static void state_readable(libxl__egc *egc, libxl__ev_fd *ev_fd, int fd,
                           short events, short revents)
{
    EGC_GC;
    libxl__stubdom_save *ss = CONTAINER_OF(ev_fd, *ss, efd);

    ss->rc = state_read(gc, ss, fd);
    if (ss->rc) {
        /* xenconsoled has nobody to wait for then. */
        libxl__ev_fd_deregister(gc, &ss->efd);
        shutdown(fd, SHUT_RDWR);
    }
    state_check(egc, ss); /* must be last */
}

static void state_timeout(libxl__egc *egc, libxl__ev_time *ev,
                          const struct timeval *requested_abs, int rc)
{
    EGC_GC;
    libxl__stubdom_save *ss = CONTAINER_OF(ev, *ss, timeout);

    if (rc == ERROR_TIMEDOUT)
        LOGD(ERROR, ss->domid, "The device model's state of %"PRIu64
             " bytes has not come whole after %ds", ss->length,
             STATE_TIMEOUT);
    save_done(egc, ss, rc); /* must be last */
}

int libxl__stubdom_save_start(libxl__gc *gc, libxl__stubdom_save *ss)
{
    const char *path = libxl__stubdom_save_path(gc, ss->domid);
    struct sockaddr_un un;
    int fd, rc;

    assert(!libxl__stubdom_save_inuse(ss));

    rc = libxl__prepare_sockaddr_un(gc, &un, path, "console 1's socket");
    if (rc)
        return rc;

    libxl__carefd_begin();
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ss->cfd = libxl__carefd_opened(CTX, fd);
    if (!ss->cfd) {
        LOGED(ERROR, ss->domid, "socket() failed");
        return ERROR_FAIL;
    }
    rc = libxl_fd_set_nonblock(CTX, fd, 1);
    if (rc)
        goto out;
    if (connect(fd, (struct sockaddr *)&un, sizeof(un))) {
        LOGED(ERROR, ss->domid, "Failed to connect to %s", path);
        rc = ERROR_FAIL;
        goto out;
    }
    rc = libxl__ev_fd_register(gc, &ss->efd, state_readable, fd, POLLIN);

out:
    if (rc)
        libxl__stubdom_save_dispose(gc, ss);
    return rc;
}

void libxl__stubdom_save_finish(libxl__egc *egc, libxl__stubdom_save *ss,
                                uint64_t length, uint32_t crc)
{
    assert(length);

    ss->length = length;
    ss->crc32 = crc;
    if (!ss->rc)
        ss->rc = libxl__ev_time_register_rel(ss->ao, &ss->timeout,
                                             state_timeout,
                                             STATE_TIMEOUT * 1000);
    state_check(egc, ss); /* must be last */
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
