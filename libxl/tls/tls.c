/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libxl/display/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define CA   "ca-cert.pem"
#define CERT "server-cert.pem"
#define KEY  "server-key.pem"

struct tls_credentials {
    gnutls_certificate_credentials_t x509;
    bool verify;
};

struct tls_session {
    gnutls_session_t tls;
    int fd;
    bool deaf;                  /* nothing goes to it any more */
    bool holds;                 /* what send() could not send */
    char why[TLS_WHY_MAX];
};

/* What is exported. */
extern const struct display_tls display_tls;

/* --- Credentials ------------------------------------------------------ */

static int file_load(const char *dir, const char *name, gnutls_datum_t *r,
                     char *why_r)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

    errno = ENAMETOOLONG;
    if (n < (int)sizeof(path) && !gnutls_load_file(path, r))
        return 0;
    snprintf(why_r, TLS_WHY_MAX, "%.160s: %s", path, strerror(errno));
    return -1;
}

/* The first in the file is the server's own. */
static void note_expiry(const char *dir, const gnutls_datum_t *cert,
                        char *why_r)
{
    gnutls_x509_crt_t crt;
    time_t end;
    char day[32];
    struct tm tm;

    if (gnutls_x509_crt_init(&crt))
        return;
    if (!gnutls_x509_crt_import(crt, cert, GNUTLS_X509_FMT_PEM)) {
        end = gnutls_x509_crt_get_expiration_time(crt);
        if (end != (time_t)-1 && end < time(NULL) && gmtime_r(&end, &tm) &&
            strftime(day, sizeof(day), "%Y-%m-%d", &tm))
            snprintf(why_r, TLS_WHY_MAX, "%.140s/" CERT " has expired (%s); "
                     "viewers that look at it will not connect", dir, day);
    }
    gnutls_x509_crt_deinit(crt);
}

static int ca_add(gnutls_certificate_credentials_t x509, const char *dir,
                  char *why_r)
{
    gnutls_datum_t ca;
    int n;

    if (file_load(dir, CA, &ca, why_r))
        return -1;
    n = gnutls_certificate_set_x509_trust_mem(x509, &ca,
                                              GNUTLS_X509_FMT_PEM);
    gnutls_free(ca.data);
    if (n > 0)
        return 0;
    snprintf(why_r, TLS_WHY_MAX, "%.160s/" CA ": %s", dir,
             n ? gnutls_strerror(n) : "there is no certificate in it");
    return -1;
}

static int own_add(gnutls_certificate_credentials_t x509, const char *dir,
                   char *why_r)
{
    gnutls_datum_t cert = { NULL, 0 }, key = { NULL, 0 };
    int r = file_load(dir, CERT, &cert, why_r) ||
            file_load(dir, KEY, &key, why_r) ? -1 : 0;

    if (!r) {
        r = gnutls_certificate_set_x509_key_mem(x509, &cert, &key,
                                                GNUTLS_X509_FMT_PEM);
        if (r)
            snprintf(why_r, TLS_WHY_MAX, "%.120s: " CERT " and " KEY ": %s",
                     dir, gnutls_strerror(r));
        else
            note_expiry(dir, &cert, why_r);
    }
    if (key.data)
        gnutls_memset(key.data, 0, key.size);
    gnutls_free(cert.data);
    gnutls_free(key.data);
    return r ? -1 : 0;
}

static void credentials_unload(struct tls_credentials *credentials)
{
    gnutls_certificate_free_credentials(credentials->x509);
    free(credentials);
}

static struct tls_credentials *credentials_load(const char *dir, bool verify,
                                                char *why_r)
{
    struct tls_credentials *r = calloc(1, sizeof(*r));

    *why_r = '\0';
    if (!r || gnutls_certificate_allocate_credentials(&r->x509)) {
        free(r);
        snprintf(why_r, TLS_WHY_MAX, "out of memory");
        return NULL;
    }
    r->verify = verify;
    if (!own_add(r->x509, dir, why_r) &&
        (!verify || !ca_add(r->x509, dir, why_r)))
        return r;
    credentials_unload(r);
    return NULL;
}

/* --- A session -------------------------------------------------------- */

static void session_end(struct tls_session *session)
{
    /* Once: a viewer that doesn't read is not waited for. */
    (void)gnutls_bye(session->tls, GNUTLS_SHUT_WR);
    gnutls_deinit(session->tls);
    free(session);
}

/* After an error GnuTLS would not read any more either, while the socket may
 * still hold what was said before: what nobody gets counts as sent. */
static ssize_t session_push(gnutls_transport_ptr_t data, const giovec_t *parts,
                            int n)
{
    struct tls_session *s = data;
    struct msghdr message = {
        .msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)n,
    };
    ssize_t r = s->deaf ? 0 : sendmsg(s->fd, &message, MSG_NOSIGNAL);

    if (r < 0 && (errno == EPIPE || errno == ECONNRESET))
        s->deaf = true;
    if (!s->deaf)
        return r;
    r = 0;
    for (int i = 0; i < n; i++)
        r += (ssize_t)parts[i].iov_len;
    return r;
}

static struct tls_session *session_begin(struct tls_credentials *credentials,
                                         int fd)
{
    struct tls_session *s = calloc(1, sizeof(*s));

    if (!s || gnutls_init(&s->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK |
                                   GNUTLS_NO_SIGNAL)) {
        free(s);
        return NULL;
    }
    if (gnutls_set_default_priority(s->tls) ||
        gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE,
                               credentials->x509)) {
        gnutls_deinit(s->tls);
        free(s);
        return NULL;
    }
    if (credentials->verify) {
        gnutls_certificate_server_set_request(s->tls, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert(s->tls, NULL, 0);
    }
    s->fd = fd;
    gnutls_transport_set_int(s->tls, fd);
    gnutls_transport_set_ptr2(s->tls, gnutls_transport_get_ptr(s->tls), s);
    gnutls_transport_set_vec_push_function(s->tls, session_push);
    return s;
}

static bool is_again(ssize_t code)
{
    return code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED;
}

static void session_fail(struct tls_session *s, int code)
{
    const char *alert = code == GNUTLS_E_FATAL_ALERT_RECEIVED ?
        gnutls_alert_get_name(gnutls_alert_get(s->tls)) : NULL;

    snprintf(s->why, sizeof(s->why), "TLS: %s%s%s%s", gnutls_strerror(code),
             alert ? " (" : "", alert ? alert : "", alert ? ")" : "");
}

static int session_handshake(struct tls_session *s)
{
    int r = gnutls_handshake(s->tls);

    if (!r)
        return 0;
    /* Nor is a warning an end of it; but there may be no end of them, and
     * others want their turn. */
    if (!gnutls_error_is_fatal(r))
        return gnutls_record_get_direction(s->tls) ? EPOLLOUT : EPOLLIN;
    session_fail(s, r);
    /* So that it knows why, if it listens. */
    (void)gnutls_alert_send_appropriate(s->tls, r);
    return -1;
}

/* As recv() and send() would say it. */
static ssize_t session_result(struct tls_session *s, ssize_t r)
{
    if (r >= 0)
        return r;
    if (is_again(r) || !gnutls_error_is_fatal((int)r)) {
        errno = EAGAIN;
        return -1;
    }
    session_fail(s, (int)r);
    errno = EPROTO;
    return -1;
}

static ssize_t session_recv(struct tls_session *s, void *bytes, size_t n)
{
    ssize_t r = gnutls_record_recv(s->tls, bytes, n);

    /* Many viewers just close their connection. */
    return r == GNUTLS_E_PREMATURE_TERMINATION ? 0 : session_result(s, r);
}

static ssize_t session_send(struct tls_session *s, const void *bytes,
                            size_t n)
{
    /* A record that is made already has to go first, as it is. */
    ssize_t r = s->deaf ? 0 :
                s->holds ? gnutls_record_send(s->tls, NULL, 0) :
                gnutls_record_send(s->tls, bytes, n);

    s->holds = is_again(r);
    if (s->deaf) {
        errno = EPIPE;
        return -1;
    }
    return session_result(s, r);
}

static bool session_pending(const struct tls_session *s)
{
    return gnutls_record_check_pending(s->tls) > 0;
}

static const char *session_why(const struct tls_session *s)
{
    return s->why;
}

const struct display_tls display_tls = {
    .load = credentials_load, .unload = credentials_unload,
    .begin = session_begin, .handshake = session_handshake,
    .recv = session_recv, .send = session_send,
    .pending = session_pending, .why = session_why, .end = session_end,
};
