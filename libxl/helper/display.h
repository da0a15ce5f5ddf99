/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest's display, as libxl leaves it behind for a QEMU in dom0: a vfb of
 * the stubdomain's, whose backend has vnc, vnclisten, vncdisplay, vncunused
 * and vncpasswd of xl.cfg(5) (libxl_console.c, libxl__device_vfb_add()).
 * Where viewers connect, and what tells xl vncviewer of it: by TCP, and at a
 * UNIX socket, vnc-<guest> in xenqmp's directory. By qmp-helper.conf the
 * socket can be a group's, TCP has TLS, or there is none.
 */
#ifndef XENQMP_LIBXL_HELPER_DISPLAY_H
#define XENQMP_LIBXL_HELPER_DISPLAY_H

#include "conf.h"
#include "libxl/display/display.h"
#include "socket.h"
#include "store.h"

struct helper_display {
    /* readable */
    bool wanted;                /* there is to be one */
    int fd;                     /* listens; -1: no TCP */
    struct helper_socket socket;        /* .fd -1: none */
    char host[64], port[8];     /* where, as text */
    char password[DISPLAY_PASSWORD_MAX + 1];    /* "": none */
    char reply[256];            /* to libxl's query-vnc: JSON */
    /* private */
    const struct helper_config *config;
    char listen[256];           /* as the configuration has it */
    unsigned int number;        /* of the first port that will do */
    bool unused;                /* the first of a hundred that is free */
    bool lacks_tls;             /* and that was said */
};

#define HELPER_DISPLAY_NONE { .fd = -1, .socket.fd = -1 }

/* What the guest's configuration asks for. Before devices_prune(). -1 after a
 * line: it can't be had. config: as long as display. */
int display_read(struct helper_display *display,
                 const struct helper_config *config, struct xs_handle *xs,
                 uint32_t guest, uint32_t dm);
/* Listens for TCP. -1 after a line. */
int display_listen(struct helper_display *display, uint32_t guest);
/* And at its socket in base, which has been made. */
int display_listen_socket(struct helper_display *display, const char *base,
                          uint32_t guest);
/* What the worker is told of it. */
void display_pass(const struct helper_display *display,
                  struct display_config *config);
/* Tells where, for xl vncviewer; takes the password out of what the
 * stubdomain may read. */
bool display_publish(const struct helper_display *display,
                     struct xs_handle *xs, uint32_t guest, uint32_t dm);
/* There is none any more. */
void display_withdraw(struct xs_handle *xs, uint32_t guest);
/* Whether there could be TLS. -1 after a line, which begins with who. A
 * warning of it is that, too, and 0. */
int display_check_tls(const struct helper_config *config, const char *who);
/* Before each worker: whether it would have TLS, or needs none. If not, a line
 * the first time. */
bool display_has_tls(struct helper_display *display, uint32_t guest);
/* Idempotent. */
void display_close(struct helper_display *display);

#endif
