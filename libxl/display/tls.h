/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLS for viewers, by X.509 certificates. It lies in a library of its own,
 * libxl/tls, which is loaded where the host's administrator wants TLS: a
 * process that does without is not to pay for GnuTLS.
 */
#ifndef XENQMP_LIBXL_DISPLAY_TLS_H
#define XENQMP_LIBXL_DISPLAY_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TLS_WHY_MAX 256

struct tls_credentials;
struct tls_session;

/* What the library has, as display_tls. */
struct display_tls {
    /*
     * server-cert.pem and server-key.pem in dir, as for QEMU's
     * tls-creds-x509. verify: a viewer has to show a certificate which
     * ca-cert.pem has signed. NULL: why_r says why not. Else why_r is empty,
     * or something that the administrator should know.
     */
    struct tls_credentials *(*load)(const char *dir, bool verify,
                                    char why_r[TLS_WHY_MAX]);
    void (*unload)(struct tls_credentials *credentials);

    /* fd stays the caller's, and does not block. NULL: out of memory. */
    struct tls_session *(*begin)(struct tls_credentials *credentials, int fd);
    /* 0: it is over. EPOLLIN or EPOLLOUT: call again then. -1: why(). */
    int (*handshake)(struct tls_session *session);
    /* As recv() and send() that don't block. After EAGAIN of send() come
     * the same bytes again, or more. errno EPROTO: why(). EPIPE: recv() may
     * still have something. */
    ssize_t (*recv)(struct tls_session *session, void *bytes, size_t n);
    ssize_t (*send)(struct tls_session *session, const void *bytes,
                    size_t n);
    /* There is something for recv() already. */
    bool (*pending)(const struct tls_session *session);
    const char *(*why)(const struct tls_session *session);
    /* Tells the viewer, if it can. */
    void (*end)(struct tls_session *session);
};

#define DISPLAY_TLS_SYMBOL "display_tls"

/* The library; NULL: why_r. Once loaded it stays. */
const struct display_tls *tls_library(char why_r[TLS_WHY_MAX]);

#endif
