/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates of a day's life, in a directory as libxl/tls reads them. */
#ifndef XENQMP_TESTS_UNIT_PKI_H
#define XENQMP_TESTS_UNIT_PKI_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "libxl/display/tls.h"
#include "tap.h"

extern const struct display_tls display_tls;

struct pki_pair {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
};

/* signer NULL: it is a CA. */
static struct pki_pair pki_pair(const char *name,
                                const struct pki_pair *signer, time_t end)
{
    static unsigned char serial = 1;
    struct pki_pair r;

    check(!gnutls_x509_privkey_init(&r.key));
    check(!gnutls_x509_privkey_generate(r.key, GNUTLS_PK_ECDSA,
              GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    check(!gnutls_x509_crt_init(&r.crt));
    check(!gnutls_x509_crt_set_version(r.crt, 3));
    check(!gnutls_x509_crt_set_serial(r.crt, &serial, 1));
    serial++;
    check(!gnutls_x509_crt_set_dn_by_oid(r.crt, GNUTLS_OID_X520_COMMON_NAME,
              0, name, (unsigned int)strlen(name)));
    check(!gnutls_x509_crt_set_activation_time(r.crt, end - 86400 * 2));
    check(!gnutls_x509_crt_set_expiration_time(r.crt, end));
    check(!gnutls_x509_crt_set_basic_constraints(r.crt, !signer, -1));
    if (!signer)
        check(!gnutls_x509_crt_set_key_usage(r.crt,
                  GNUTLS_KEY_KEY_CERT_SIGN));
    check(!gnutls_x509_crt_set_key(r.crt, r.key));
    check(!gnutls_x509_crt_sign2(r.crt, signer ? signer->crt : r.crt,
              signer ? signer->key : r.key, GNUTLS_DIG_SHA256, 0));
    return r;
}

static void pki_write(const char *dir, const char *name,
                      const gnutls_datum_t *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "w");
    check(file != NULL);
    check_int(fwrite(text->data, 1, text->size, file), text->size);
    fclose(file);
}

static void pki_write_crt(const char *dir, const char *name,
                          gnutls_x509_crt_t crt)
{
    gnutls_datum_t text;

    check(!gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &text));
    pki_write(dir, name, &text);
    gnutls_free(text.data);
}

static void pki_write_key(const char *dir, const char *name,
                          gnutls_x509_privkey_t key)
{
    gnutls_datum_t text;

    check(!gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &text));
    pki_write(dir, name, &text);
    gnutls_free(text.data);
}

static struct pki {
    char dir[32];
    struct pki_pair ca, server, client, stranger;
} pki;

static void pki_begin(void)
{
    time_t end = time(NULL) + 86400;
    struct pki_pair other = pki_pair("another", NULL, end);

    strcpy(pki.dir, "/tmp/xenqmp-pki-XXXXXX");
    check(mkdtemp(pki.dir) != NULL);
    pki.ca = pki_pair("ca", NULL, end);
    pki.server = pki_pair("localhost", &pki.ca, end);
    pki.client = pki_pair("viewer", &pki.ca, end);
    pki.stranger = pki_pair("viewer", &other, end);
    pki_write_crt(pki.dir, "ca-cert.pem", pki.ca.crt);
    pki_write_crt(pki.dir, "server-cert.pem", pki.server.crt);
    pki_write_key(pki.dir, "server-key.pem", pki.server.key);
}

static void pki_remove(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", pki.dir, name);
    unlink(path);
}

static void pki_end(void)
{
    pki_remove("ca-cert.pem");
    pki_remove("server-cert.pem");
    pki_remove("server-key.pem");
    rmdir(pki.dir);
}

/* In place of dlopen(). */
const struct display_tls *tls_library(char why_r[TLS_WHY_MAX])
{
    (void)why_r;
    return &display_tls;
}

#endif
