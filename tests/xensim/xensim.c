/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xensim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the file "locks" each handle has its byte, held by the open file
 * description of who opened it, and so until the last of those processes
 * ends. This one is the lock of the state. */
#define LOCK_STATE XENSIM_HANDLES

struct xensim_state *xensim;

static char dir[PATH_MAX - 32];
static int locks_fd = -1, pages_fd = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* FIFOs of others, opened when first written to; 0: not yet. */
static int fifos[XENSIM_HANDLES];
/* Of this process: whose byte in "locks" is held, by handle. */
static int held[XENSIM_HANDLES];

static int open_file(const char *name, int flags)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return openat(AT_FDCWD, path, flags | O_RDWR | O_CLOEXEC, 0600);
}

static int make_file(const char *name, off_t size)
{
    int fd = open_file(name, O_CREAT | O_EXCL), r;

    if (fd < 0)
        return -1;
    r = ftruncate(fd, size);
    close(fd);
    return r;
}

int xensim_create(const char *new_dir)
{
    snprintf(dir, sizeof(dir), "%s", new_dir);
    if (make_file("state", sizeof(struct xensim_state)) ||
        make_file("pages", (off_t)XENSIM_DOMAINS * XENSIM_PAGES *
                           XENSIM_PAGE) ||
        make_file("locks", 0) || setenv(XENSIM_ENV, dir, 1) ||
        xensim_attach())
        return -1;
    xensim->domains[0].exists = true;
    return 0;
}

int xensim_attach(void)
{
    const char *name = getenv(XENSIM_ENV);
    void *state;
    int fd;

    if (xensim)
        return 0;
    if (!name) {
        errno = ENODEV;
        return -1;
    }
    snprintf(dir, sizeof(dir), "%s", name);
    fd = open_file("state", 0);
    pages_fd = open_file("pages", 0);
    locks_fd = open_file("locks", 0);
    if (fd < 0 || pages_fd < 0 || locks_fd < 0)
        return -1;
    state = mmap(NULL, sizeof(*xensim), PROT_READ | PROT_WRITE, MAP_SHARED,
                 fd, 0);
    close(fd);
    if (state == MAP_FAILED)
        return -1;
    xensim = state;
    return 0;
}

/* fcntl() because a xenconsoled that has restricted its system calls is
 * tested here, too. */
static int lock_byte(int fd, int command, off_t at, short type)
{
    struct flock lock = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1,
    };
    int r;

    do
        r = fcntl(fd, command, &lock);
    while (r && errno == EINTR);
    return r ? -1 : lock.l_type;
}

void xensim_lock(void)
{
    pthread_mutex_lock(&mutex);
    lock_byte(locks_fd, F_OFD_SETLKW, LOCK_STATE, F_WRLCK);
}

void xensim_unlock(void)
{
    lock_byte(locks_fd, F_OFD_SETLKW, LOCK_STATE, F_UNLCK);
    pthread_mutex_unlock(&mutex);
}

static int fifo_open(int handle)
{
    char name[32];

    snprintf(name, sizeof(name), "evtchn.%d", handle);
    return open_file(name, 0);
}

static int fifo_make(int handle)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/evtchn.%d", dir, handle);
    return mkfifo(path, 0600);
}

int xensim_handle_open(int *fd_r)
{
    int handle = 0;

    xensim_lock();
    while (handle < XENSIM_HANDLES && xensim->handles[handle])
        handle++;
    if (handle < XENSIM_HANDLES)
        xensim->handles[handle] = true;
    xensim_unlock();
    if (handle == XENSIM_HANDLES) {
        errno = ENOMEM;
        return -1;
    }
    if (fifo_make(handle))
        return -1;
    *fd_r = fifo_open(handle);
    held[handle] = open_file("locks", 0);
    if (*fd_r < 0 || held[handle] < 0 ||
        lock_byte(held[handle], F_OFD_SETLK, handle, F_WRLCK) < 0)
        return -1;
    return handle;
}

/* Numbers are not used again: others may have the FIFO open. */
void xensim_handle_close(int handle, int fd)
{
    for (uint32_t port = 1; port < XENSIM_PORTS; port++)
        if (xensim->ports[port].state != XENSIM_FREE &&
            xensim->ports[port].handle == (uint32_t)handle)
            xensim_port_close(0, port);
    close(held[handle]);
    held[handle] = 0;
    close(fd);
}

static bool handle_is_alive(uint32_t handle)
{
    return held[handle] ||
           lock_byte(locks_fd, F_OFD_GETLK, (off_t)handle, F_WRLCK) !=
           F_UNLCK;
}

uint32_t xensim_token(uint32_t domid, uint32_t port)
{
    return domid ? domid << 16 | port : port;
}

static void deliver(uint32_t domid, uint32_t number,
                    const struct xensim_port *port)
{
    uint32_t token = xensim_token(domid, number);
    int fd = fifos[port->handle];

    if (!fd) {
        fd = fifo_open((int)port->handle);
        if (fd < 0)
            return;             /* it is dying */
        fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
        fifos[port->handle] = fd;
    }
    /* It has room: a port is in it once at most. */
    (void)!write(fd, &token, sizeof(token));
}

struct xensim_port *xensim_port(uint32_t domid, uint32_t port)
{
    if (!domid)
        return port < XENSIM_PORTS ? &xensim->ports[port] : NULL;
    return domid < XENSIM_DOMAINS && port < XENSIM_GUEST_PORTS ?
           &xensim->domains[domid].ports[port] : NULL;
}

void xensim_port_raise(uint32_t domid, uint32_t number)
{
    struct xensim_port *port = xensim_port(domid, number);
    uint32_t flags = atomic_load(&port->flags), next;

    do
        next = flags & XENSIM_MASKED ? flags | XENSIM_PENDING :
               XENSIM_MASKED;
    while (!atomic_compare_exchange_weak(&port->flags, &flags, next));
    if (!(flags & XENSIM_MASKED))
        deliver(domid, number, port);
}

void xensim_port_unmask(uint32_t domid, uint32_t number)
{
    struct xensim_port *port = xensim_port(domid, number);
    uint32_t flags = atomic_load(&port->flags), next;

    do
        next = flags & XENSIM_PENDING ? XENSIM_MASKED : 0;
    while (!atomic_compare_exchange_weak(&port->flags, &flags, next));
    if (flags & XENSIM_PENDING)
        deliver(domid, number, port);
}

static struct xensim_port *peer_of(uint32_t domid,
                                   const struct xensim_port *port)
{
    struct xensim_port *peer;

    if (!port || port->state != XENSIM_BOUND)
        return NULL;
    peer = xensim_port(port->remote_domid, port->remote_port);
    return peer && peer->state == XENSIM_BOUND &&
           peer->remote_domid == domid ? peer : NULL;
}

int xensim_notify(uint32_t domid, uint32_t number)
{
    struct xensim_port *port = xensim_port(domid, number);

    if (!port || port->state == XENSIM_FREE) {
        errno = EINVAL;
        return -1;
    }
    if (peer_of(domid, port))
        xensim_port_raise(port->remote_domid, port->remote_port);
    return 0;
}

/* With the lock. */
static void port_free(uint32_t domid, struct xensim_port *port)
{
    struct xensim_port *peer = peer_of(domid, port);

    if (peer)
        peer->state = XENSIM_UNBOUND;
    port->state = XENSIM_FREE;
}

static int port_find_free(uint32_t domid)
{
    uint32_t n = domid ? XENSIM_GUEST_PORTS : XENSIM_PORTS;

    for (uint32_t i = 1; i < n; i++)
        if (xensim_port(domid, i)->state == XENSIM_FREE)
            return (int)i;
    errno = ENOSPC;
    return -1;
}

static int port_new(uint32_t domid, enum xensim_port_state state,
                    int handle)
{
    int number = port_find_free(domid);
    struct xensim_port *port;

    if (number < 0 && !domid) {
        /* Those of the dead are swept up when there are no others. */
        for (uint32_t i = 1; i < XENSIM_PORTS; i++)
            if (!handle_is_alive(xensim->ports[i].handle))
                port_free(0, &xensim->ports[i]);
        number = port_find_free(domid);
    }
    if (number < 0)
        return -1;
    port = xensim_port(domid, (uint32_t)number);
    port->state = state;
    port->handle = (uint32_t)handle;
    atomic_store(&port->flags, 0);
    return number;
}

int xensim_port_alloc(uint32_t domid, int handle, uint32_t remote_domid)
{
    int number;

    xensim_lock();
    number = port_new(domid, XENSIM_UNBOUND, handle);
    if (number >= 0)
        xensim_port(domid, (uint32_t)number)->remote_domid = remote_domid;
    xensim_unlock();
    return number;
}

int xensim_port_bind(int handle, uint32_t domid, uint32_t remote_port)
{
    struct xensim_port *remote = xensim_port(domid, remote_port), *peer;
    int number = -1;

    xensim_lock();
    peer = peer_of(domid, remote);
    if (peer && !remote->remote_domid && !handle_is_alive(peer->handle))
        port_free(0, peer);
    if (!remote || remote->state != XENSIM_UNBOUND ||
        remote->remote_domid != 0 || !xensim->domains[domid].exists) {
        errno = EINVAL;
        goto out;
    }
    number = port_new(0, XENSIM_BOUND, handle);
    if (number < 0)
        goto out;
    xensim->ports[number].remote_domid = domid;
    xensim->ports[number].remote_port = remote_port;
    remote->remote_port = (uint32_t)number;
    remote->turn = ++xensim->bound;
    remote->state = XENSIM_BOUND;
out:
    xensim_unlock();
    if (number >= 0)
        xensim_port_raise(0, (uint32_t)number);
    return number;
}

int xensim_port_bind_virq(int handle, uint32_t virq)
{
    int number;

    xensim_lock();
    number = port_new(0, XENSIM_VIRQ, handle);
    if (number >= 0)
        xensim->ports[number].virq = virq;
    xensim_unlock();
    return number;
}

int xensim_port_close(uint32_t domid, uint32_t number)
{
    struct xensim_port *port = xensim_port(domid, number);
    int r = -1;

    errno = EINVAL;
    xensim_lock();
    if (port && port->state != XENSIM_FREE) {
        port_free(domid, port);
        r = 0;
    }
    xensim_unlock();
    return r;
}

void xensim_virq_raise(uint32_t virq)
{
    for (uint32_t i = 1; i < XENSIM_PORTS; i++)
        if (xensim->ports[i].state == XENSIM_VIRQ &&
            xensim->ports[i].virq == virq)
            xensim_port_raise(0, i);
}

void *xensim_page_map(uint32_t domid, uint32_t page)
{
    void *mapped;

    if (domid >= XENSIM_DOMAINS || page >= XENSIM_PAGES) {
        errno = EINVAL;
        return NULL;
    }
    mapped = mmap(NULL, XENSIM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
                  pages_fd, ((off_t)domid * XENSIM_PAGES + page) *
                            XENSIM_PAGE);
    return mapped == MAP_FAILED ? NULL : mapped;
}

void xensim_page_unmap(void *page)
{
    munmap(page, XENSIM_PAGE);
}
