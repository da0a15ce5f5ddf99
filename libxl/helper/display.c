/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/common/log.h"

#define DISPLAY_BACKEND "/local/domain/0/backend/vfb/%u/0/%s"
/* RFB's first port, of display 0, and how many QEMU's to= would try. */
#define PORT_FIRST  5900
#define PORT_LAST   65535
#define PORTS_TRIED 100
#define BACKLOG     16

static char *backend_read(struct xs_handle *xs, uint32_t dm, const char *key)
{
    return store_read(xs, XBT_NULL, DISPLAY_BACKEND, dm, key);
}

static bool backend_has(struct xs_handle *xs, uint32_t dm, const char *key)
{
    char *value = backend_read(xs, dm, key);
    bool r = value && !strcmp(value, "1");

    free(value);
    return r;
}

static bool number_parse(const char *text, unsigned int *r)
{
    unsigned long n;
    char *end;

    n = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || n > PORT_LAST - PORT_FIRST)
        return false;
    *r = (unsigned int)n;
    return true;
}

/* "ADDRESS" or "ADDRESS:DISPLAY", an IPv6 address alone or in brackets; what
 * libxl hands to QEMU. */
static bool listen_parse(struct helper_display *d)
{
    char *text = d->listen, *colon = strrchr(text, ':');
    char *bracket = strchr(text, ']');
    bool own_number = colon && (*text == '[' ? bracket && colon > bracket :
                                colon == strchr(text, ':'));

    if (own_number) {
        if (!number_parse(colon + 1, &d->number))
            return false;
        *colon = '\0';
    }
    if (*text != '[')
        return true;
    if (!bracket || bracket[1])
        return false;
    *bracket = '\0';
    memmove(text, text + 1, strlen(text));
    return true;
}

/* VncAuth knows no more of it, and servers have always cut it off. */
static void password_set(struct helper_display *d, const char *password,
                         uint32_t guest)
{
    if (strlen(password) > DISPLAY_PASSWORD_MAX)
        log_warn("domain %u: of vncpasswd only the first %d characters "
                 "count: RFB has no more", guest, DISPLAY_PASSWORD_MAX);
    snprintf(d->password, sizeof(d->password), "%s", password);
}

static int settings_read(struct helper_display *d, struct xs_handle *xs,
                         uint32_t guest, uint32_t dm)
{
    char *listen = backend_read(xs, dm, "vnclisten");
    char *password = backend_read(xs, dm, "vncpasswd");
    char *number = backend_read(xs, dm, "vncdisplay");
    bool ok = !number || number_parse(number, &d->number);

    snprintf(d->listen, sizeof(d->listen), "%s",
             listen ? listen : "127.0.0.1");
    if (ok)
        ok = listen_parse(d);
    if (!ok)
        log_error("domain %u: vnclisten=\"%s\" with vncdisplay=%s is no "
                  "address and display; use an address of this host's, and a "
                  "number from 0 to %d", guest, listen ? listen : "",
                  number ? number : "0", PORT_LAST - PORT_FIRST);
    d->unused = backend_has(xs, dm, "vncunused");
    password_set(d, password ? password : "", guest);
    free(listen);
    free(password);
    free(number);
    return ok ? 0 : -1;
}

int display_read(struct helper_display *d, struct xs_handle *xs,
                 uint32_t guest, uint32_t dm)
{
    *d = (struct helper_display)HELPER_DISPLAY_NONE;
    if (backend_has(xs, dm, "sdl")) {
        log_error("domain %u: sdl=1: a window of dom0's can't show what a "
                  "stubdomain's QEMU draws; use vnc=1 and a viewer", guest);
        return -1;
    }
    d->wanted = backend_has(xs, dm, "vnc");
    return d->wanted ? settings_read(d, xs, guest, dm) : 0;
}

/* --- The socket ------------------------------------------------------- */

static int listen_at(const struct addrinfo *address, unsigned int port)
{
    struct sockaddr_storage at;
    static const int on = 1;
    int fd = socket(address->ai_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), saved;

    memcpy(&at, address->ai_addr, address->ai_addrlen);
    if (address->ai_family == AF_INET)
        ((struct sockaddr_in *)&at)->sin_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in6 *)&at)->sin6_port = htons((uint16_t)port);
    /* What is accepted inherits it: keys and pictures are not to wait. */
    if (fd >= 0 &&
        !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
        !setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) &&
        !bind(fd, (struct sockaddr *)&at, address->ai_addrlen) &&
        !listen(fd, BACKLOG))
        return fd;
    saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}

static int listen_somewhere(struct helper_display *d,
                            const struct addrinfo *address)
{
    unsigned int port = PORT_FIRST + d->number;
    unsigned int last = d->unused ? port + PORTS_TRIED - 1 : port;

    for (; port <= last && port <= PORT_LAST; port++) {
        d->fd = listen_at(address, port);
        if (d->fd >= 0) {
            snprintf(d->port, sizeof(d->port), "%u", port);
            return 0;
        }
        if (errno != EADDRINUSE)
            break;
    }
    return -1;
}

int display_listen(struct helper_display *d, uint32_t guest)
{
    static const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM,
    };
    const char *host = !strcmp(d->listen, "localhost") ? "127.0.0.1" :
                       !*d->listen ? "0.0.0.0" : d->listen;
    struct addrinfo *address;
    int r;

    r = getaddrinfo(host, NULL, &hints, &address);
    if (r) {
        log_error("domain %u: vnclisten=\"%s\" is no address: %s", guest,
                  d->listen, gai_strerror(r));
        return -1;
    }
    snprintf(d->host, sizeof(d->host), "%.63s", host);
    r = listen_somewhere(d, address);
    if (r)
        log_error("domain %u: its display cannot listen at %s, display %u: "
                  "%s; %s", guest, host, d->number, strerror(errno),
                  errno == EADDRINUSE ?
                  "vncunused=1 takes one that is free" :
                  "vnclisten takes an address of this host's");
    else
        snprintf(d->reply, sizeof(d->reply), "{\"enabled\": true, "
                 "\"host\": \"%s\", \"service\": \"%s\", \"family\": \"%s\", "
                 "\"auth\": \"%s\", \"clients\": []}", d->host, d->port,
                 address->ai_family == AF_INET ? "ipv4" : "ipv6",
                 *d->password ? "vnc" : "none");
    freeaddrinfo(address);
    return r;
}

/* --- What is told ----------------------------------------------------- */

/* Dom0's alone. What exists keeps that when libxl writes it. */
static bool secret_write(struct xs_handle *xs, const char *value,
                         const char *path)
{
    struct xs_permissions mine = { .id = 0, .perms = XS_PERM_NONE };

    return xs_write(xs, XBT_NULL, path, value,
                    (unsigned int)strlen(value)) &&
           xs_set_permissions(xs, XBT_NULL, path, &mine, 1);
}

/* libxl writes the password where a stubdomain reads: to its console's
 * directory, later, and to its /vm. */
static bool secrets_hide(struct xs_handle *xs, uint32_t dm)
{
    char *vm = store_read(xs, XBT_NULL, "/local/domain/%u/vm", dm);
    char path[STORE_PATH_MAX];

    if (vm)
        store_rm(xs, XBT_NULL, "%s/vncpasswd", vm);
    free(vm);
    snprintf(path, sizeof(path), "/local/domain/%u/console/vnc-pass", dm);
    return secret_write(xs, "", path);
}

bool display_publish(const struct helper_display *d, struct xs_handle *xs,
                     uint32_t guest, uint32_t dm)
{
    char path[STORE_PATH_MAX];

    snprintf(path, sizeof(path), "/local/domain/%u/console/vnc-pass", guest);
    return store_write(xs, XBT_NULL, d->host,
                       "/local/domain/%u/console/vnc-listen", guest) &&
           store_write(xs, XBT_NULL, d->port,
                       "/local/domain/%u/console/vnc-port", guest) &&
           (!*d->password || (secrets_hide(xs, dm) &&
                              secret_write(xs, d->password, path)));
}

void display_close(struct helper_display *d)
{
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
}
