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

#include "libxl/display/tls.h"
#include "privileges.h"
#include "tools/common/log.h"

#define DISPLAY_BACKEND "/local/domain/0/backend/vfb/%u/0/%s"
/* RFB's first port, of display 0, and how many QEMU's to= would try. */
#define PORT_FIRST  5900
#define PORT_LAST   65535
#define PORTS_TRIED 100
#define BACKLOG     16
/* A viewer that is gone without a word is missed after two minutes. */
#define KEEPALIVE_IDLE_S  60
#define KEEPALIVE_GAP_S   15
#define KEEPALIVE_TRIES   4

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

/* -1: why_r. Else it is empty, or a warning. */
static int tls_try(const struct helper_config *config,
                   char why_r[TLS_WHY_MAX])
{
    struct tls_credentials *credentials = NULL;
    const struct display_tls *tls;

    *why_r = '\0';
    if (!*config->tls_dir || !config->vnc_tcp)
        return 0;
    tls = tls_library(why_r);
    /* A worker that is started later reads them with less rights. */
    if (tls && privileges_heed_modes(true))
        snprintf(why_r, TLS_WHY_MAX, "%s", strerror(errno));
    else if (tls)
        credentials = tls->load(config->tls_dir, config->tls_verify, why_r);
    (void)privileges_heed_modes(false);
    if (!credentials)
        return -1;
    tls->unload(credentials);
    return 0;
}

int display_check_tls(const struct helper_config *config, const char *who)
{
    char why[TLS_WHY_MAX];
    int r = tls_try(config, why);

    if (r)
        log_error("%s cannot have TLS, which qmp-helper.conf asks for: %s",
                  who, why);
    else if (*why)
        log_warn("%s: %s", who, why);
    return r;
}

bool display_has_tls(struct helper_display *d, uint32_t guest)
{
    char why[TLS_WHY_MAX];
    bool said = d->lacks_tls;

    d->lacks_tls = tls_try(d->config, why);
    if (d->lacks_tls && !said)
        log_error("domain %u: display: %s; nobody can look until it is "
                  "mended, tried again every ten seconds", guest, why);
    return !d->lacks_tls;
}

int display_read(struct helper_display *d, const struct helper_config *config,
                 struct xs_handle *xs, uint32_t guest, uint32_t dm)
{
    char who[64];

    *d = (struct helper_display)HELPER_DISPLAY_NONE;
    d->config = config;
    if (backend_has(xs, dm, "sdl")) {
        log_error("domain %u: sdl=1: a window of dom0's can't show what a "
                  "stubdomain's QEMU draws; use vnc=1 and a viewer", guest);
        return -1;
    }
    d->wanted = backend_has(xs, dm, "vnc");
    if (!d->wanted)
        return 0;
    /* What it would have kept out can't be known. */
    if (*config->wrong) {
        log_error("domain %u: its display cannot start: %s; or use vnc=0",
                  guest, config->wrong);
        return -1;
    }
    /* Now, so that a guest is not taken first. Each worker reads it again. */
    snprintf(who, sizeof(who), "domain %u: its display", guest);
    return settings_read(d, xs, guest, dm) || display_check_tls(config, who) ?
           -1 : 0;
}

/* --- The socket ------------------------------------------------------- */

/* What is accepted inherits it: keys and pictures are not to wait, and who is
 * gone is to be missed. */
static int options_set(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        { SOL_SOCKET, SO_REUSEADDR, 1 },
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_NODELAY, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
        { IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_GAP_S },
        { IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_TRIES },
    };
    int r = 0;

    for (size_t i = 0; !r && i < sizeof(options) / sizeof(options[0]); i++)
        r = setsockopt(fd, options[i].level, options[i].name,
                       &options[i].value, sizeof(options[i].value));
    return r;
}

static int listen_at(const struct addrinfo *address, unsigned int port)
{
    struct sockaddr_storage at;
    int fd = socket(address->ai_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), saved;

    memcpy(&at, address->ai_addr, address->ai_addrlen);
    if (address->ai_family == AF_INET)
        ((struct sockaddr_in *)&at)->sin_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in6 *)&at)->sin6_port = htons((uint16_t)port);
    if (fd >= 0 && !options_set(fd) &&
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

static bool is_loopback(const struct addrinfo *address)
{
    const struct sockaddr_in *in = (const void *)address->ai_addr;
    const struct sockaddr_in6 *in6 = (const void *)address->ai_addr;

    return address->ai_family == AF_INET ?
           ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET :
           IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

/* Where it listens now. */
static void listening(struct helper_display *d,
                      const struct addrinfo *address, uint32_t guest)
{
    const char *auth = *d->password ? "vnc" : "none";

    if (*d->config->tls_dir)
        auth = *d->password ? "vencrypt+x509+vnc" : "vencrypt+x509+none";
    if (!*d->password && !is_loopback(address) &&
        !(*d->config->tls_dir && d->config->tls_verify))
        log_warn("domain %u: whoever reaches %s, port %s, can see and use "
                 "its display: give it a vncpasswd, or have viewers show a "
                 "certificate by vnc_tls_x509_verify in qmp-helper.conf",
                 guest, d->host, d->port);
    snprintf(d->reply, sizeof(d->reply), "{\"enabled\": true, \"host\": "
             "\"%s\", \"service\": \"%s\", \"family\": \"%s\", "
             "\"auth\": \"%s\", \"clients\": []}", d->host, d->port,
             address->ai_family == AF_INET ? "ipv4" : "ipv6", auth);
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

    /* libxl looks for nothing more then. */
    snprintf(d->reply, sizeof(d->reply), "{\"enabled\": false}");
    if (!d->config->vnc_tcp)
        return 0;
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
        listening(d, address, guest);
    freeaddrinfo(address);
    return r;
}

int display_listen_socket(struct helper_display *d, const char *base,
                          uint32_t guest)
{
    const struct helper_access *access = &d->config->vnc;
    char path[sizeof(d->socket.path)];

    snprintf(path, sizeof(path), "%s/vnc-%u", base, guest);
    if (access->set ? !helper_socket_listen_for(&d->socket, path,
                                                access->group, access->mode) :
        !helper_socket_listen(&d->socket, path))
        return 0;
    log_error("domain %u: its display cannot listen at %s: %s", guest, path,
              strerror(errno));
    return -1;
}

static void pass(struct display_config *config, int fd, bool tls)
{
    if (fd < 0)
        return;
    config->listen_fds[config->listen_n] = fd;
    config->listen_tls[config->listen_n++] = tls;
}

void display_pass(const struct helper_display *d,
                  struct display_config *config)
{
    config->listen_n = 0;
    pass(config, d->fd, *d->config->tls_dir);
    /* Who may connect to it, and that nobody listens in, is the kernel's. */
    pass(config, d->socket.fd, false);
    if (d->fd >= 0)
        strcpy(config->tls_dir, d->config->tls_dir);
    config->tls_verify = d->config->tls_verify;
    strcpy(config->password, d->password);
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
    return (d->fd < 0 ||
            (store_write(xs, XBT_NULL, d->host,
                         "/local/domain/%u/console/vnc-listen", guest) &&
             store_write(xs, XBT_NULL, d->port,
                         "/local/domain/%u/console/vnc-port", guest))) &&
           (!*d->password || (secrets_hide(xs, dm) &&
                              secret_write(xs, d->password, path)));
}

void display_withdraw(struct xs_handle *xs, uint32_t guest)
{
    store_rm(xs, XBT_NULL, "/local/domain/%u/console/vnc-port", guest);
    store_rm(xs, XBT_NULL, "/local/domain/%u/console/vnc-listen", guest);
}

void display_close(struct helper_display *d)
{
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
    helper_socket_dispose(&d->socket);
}
